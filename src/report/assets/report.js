/* Adds to the page what can be done without: sorting the table of classes, and the pictures of a cell of the confusion
 * matrix. Names come from the page's data and are only ever set as text. */
(function () {
  "use strict";
  document.documentElement.classList.add("script");

  /* ---- Tables ---- */

  function valueOf(row, column) {
    var cell = row.cells[column];
    if (column === 0) {
      return cell.textContent;
    }
    return Number(cell.hasAttribute("data-v") ? cell.getAttribute("data-v") : cell.textContent);
  }

  function sortBy(table, head, column) {
    var up = head.getAttribute("aria-sort") !== "ascending";
    var body = table.tBodies[0];
    var rows = Array.prototype.map.call(body.rows, function (row) { return { row: row, value: valueOf(row, column) }; });
    rows.sort(function (a, b) {
      var order = column === 0 ? a.value.localeCompare(b.value) : a.value - b.value;
      return up ? order : -order;
    });
    rows.forEach(function (entry) { body.appendChild(entry.row); });
    Array.prototype.forEach.call(table.tHead.rows[0].cells, function (cell) { cell.removeAttribute("aria-sort"); });
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
  }

  Array.prototype.forEach.call(document.querySelectorAll("table.sortable"), function (table) {
    Array.prototype.forEach.call(table.tHead.rows[0].cells, function (head, column) {
      if (head.classList.contains("fixed")) {
        return;
      }
      var button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      button.addEventListener("click", function () { sortBy(table, head, column); });
      head.textContent = "";
      head.appendChild(button);
    });
  });

  /* ---- The confusion matrix ---- */

  var holder = document.getElementById("data");
  var svg = document.getElementById("cells");
  if (!holder || !svg) {
    return;
  }
  var data = JSON.parse(holder.textContent);
  var counts = new Map();
  for (var i = 0; i < data.cells.length; i += 3) {
    counts.set(data.cells[i] * data.classes + data.cells[i + 1], data.cells[i + 2]);
  }
  var matrix = svg.parentNode;
  var where = document.getElementById("where");
  var panel = document.getElementById("panel");
  var size = svg.viewBox.baseVal.width / data.classes;
  var cursor = document.createElementNS(svg.namespaceURI, "rect");
  var at = { row: 0, column: 0 };
  cursor.id = "cursor";
  cursor.setAttribute("width", size);
  cursor.setAttribute("height", size);
  cursor.style.display = "none";
  svg.appendChild(cursor);

  function nameOf(index) {
    return index < data.names.length ? data.names[index] : "class " + (index + 1);
  }

  function describe(row, column) {
    var count = counts.get(row * data.classes + column) || 0;
    var all = data.support[row];
    return nameOf(row) + (row === column ? ", right: " : " taken for " + nameOf(column) + ": ") + count +
      (all === undefined ? "" : " of " + all);
  }

  function pointAt(row, column) {
    at = { row: row, column: column };
    cursor.setAttribute("x", column * size);
    cursor.setAttribute("y", row * size);
    cursor.style.display = "";
    where.textContent = describe(row, column);
  }

  function show(row, column) {
    var cell = document.getElementById("p" + row + "-" + column);
    var heading = document.createElement("h3");
    pointAt(row, column);
    heading.textContent = describe(row, column);
    panel.textContent = "";
    panel.appendChild(heading);
    if (cell) {
      panel.appendChild(cell.querySelector(".figures").cloneNode(true));
    } else {
      var line = document.createElement("p");
      line.textContent = counts.get(row * data.classes + column)
        ? "Its pictures are not on this page; predictions.csv names them." : "No picture.";
      panel.appendChild(line);
    }
    panel.hidden = false;
    panel.scrollIntoView({ block: "nearest" });
  }

  function cellOf(event) {
    var box = svg.getBoundingClientRect();
    var last = data.classes - 1;
    return {
      row: Math.min(last, Math.max(0, Math.floor((event.clientY - box.top) / box.height * data.classes))),
      column: Math.min(last, Math.max(0, Math.floor((event.clientX - box.left) / box.width * data.classes)))
    };
  }

  svg.addEventListener("mousemove", function (event) {
    var cell = cellOf(event);
    if (cell.row !== at.row || cell.column !== at.column || cursor.style.display === "none") {
      pointAt(cell.row, cell.column);
    }
  });

  svg.addEventListener("click", function (event) {
    var cell = cellOf(event);
    event.preventDefault();
    show(cell.row, cell.column);
  });

  function keepInSight() {
    var scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
    var side = size * scale;
    var x = at.column * side;
    var y = at.row * side;
    if (x < matrix.scrollLeft || x + side > matrix.scrollLeft + matrix.clientWidth / 2) {
      matrix.scrollLeft = x - matrix.clientWidth / 4;
    }
    if (y < matrix.scrollTop || y + side > matrix.scrollTop + matrix.clientHeight / 2) {
      matrix.scrollTop = y - matrix.clientHeight / 4;
    }
  }

  matrix.addEventListener("keydown", function (event) {
    var moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    var move = moves[event.key];
    if (move) {
      event.preventDefault();
      pointAt(Math.min(data.classes - 1, Math.max(0, at.row + move[0])),
              Math.min(data.classes - 1, Math.max(0, at.column + move[1])));
      keepInSight();
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      show(at.row, at.column);
    }
  });
})();
