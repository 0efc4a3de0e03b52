/* The canvas of the page: inline SVG whose colours are classes of the style sheet (i1 for ink 1, ...) and whose text
 * stays text. */
#include "report/chart.h"
#include "report/html.h"

typedef struct svg_canvas {
  tw_canvas canvas; /* first: the functions get a pointer to it */
  tw_buffer *out;
  tw_buffer path;
  double dash; /* of the next stroke; 0: none */
  bool grouped;
} svg_canvas;

static svg_canvas *of(tw_canvas *canvas) {
  return (svg_canvas *)(void *)canvas;
}

/* Pixels to a tenth, as short as they get. */
static void append_number(tw_buffer *buffer, double value) {
  long long tenths = (long long)(value * 10 + (value < 0 ? -0.5 : 0.5));
  long long size = tenths < 0 ? -tenths : tenths;
  tw_buffer_format(buffer, size % 10 == 0 ? "%s%lld" : "%s%lld.%lld", tenths < 0 ? "-" : "", size / 10, size % 10);
}

static void append_numbers(tw_buffer *buffer, const char *command, double a, double b) {
  tw_buffer_text(buffer, command);
  append_number(buffer, a);
  tw_buffer_text(buffer, " ");
  append_number(buffer, b);
}

static void append_attribute(tw_buffer *buffer, const char *name, double value) {
  tw_buffer_format(buffer, " %s=\"", name);
  append_number(buffer, value);
  tw_buffer_text(buffer, "\"");
}

static void append_rectangle(tw_buffer *path, double x, double y, double width, double height) {
  append_numbers(path, "M", x, y);
  tw_buffer_text(path, "h");
  append_number(path, width);
  tw_buffer_text(path, "v");
  append_number(path, height);
  tw_buffer_text(path, "h");
  append_number(path, -width);
  tw_buffer_text(path, "z");
}

static void rectangle(tw_canvas *canvas, double x, double y, double width, double height) {
  append_rectangle(&of(canvas)->path, x, y, width, height);
}

static void line(tw_canvas *canvas, double x1, double y1, double x2, double y2) {
  append_numbers(&of(canvas)->path, "M", x1, y1);
  append_numbers(&of(canvas)->path, "L", x2, y2);
}

static void to(tw_canvas *canvas, double x, double y) {
  append_numbers(&of(canvas)->path, "L", x, y);
}

static void disc(tw_canvas *canvas, double x, double y, double radius) {
  tw_buffer *path = &of(canvas)->path;
  append_numbers(path, "M", x - radius, y);
  for (int half = 0; half < 2; half++) {
    append_numbers(path, "a", radius, radius);
    append_numbers(path, " 0 1 0 ", half == 0 ? 2 * radius : -2 * radius, 0);
  }
  tw_buffer_text(path, "z");
}

static void finish_path(svg_canvas *svg) {
  tw_buffer_append(svg->out, svg->path.data, svg->path.size);
  tw_buffer_text(svg->out, "\"/>");
  svg->out->failed = svg->out->failed || svg->path.failed;
  svg->path.size = 0;
}

static void fill(tw_canvas *canvas, tw_ink ink, tw_rgb colour) {
  (void)colour;
  tw_buffer_format(of(canvas)->out, "<path class=\"i%d\" d=\"", (int)ink);
  finish_path(of(canvas));
}

static void dash(tw_canvas *canvas, double length) {
  of(canvas)->dash = length;
}

static void stroke(tw_canvas *canvas, tw_ink ink, tw_rgb colour, double width) {
  (void)colour;
  tw_buffer_format(of(canvas)->out, "<path class=\"s i%d\"", (int)ink);
  append_attribute(of(canvas)->out, "stroke-width", width);
  if (of(canvas)->dash > 0) {
    append_attribute(of(canvas)->out, "stroke-dasharray", of(canvas)->dash);
    of(canvas)->dash = 0;
  }
  tw_buffer_text(of(canvas)->out, " d=\"");
  finish_path(of(canvas));
}

static void text(tw_canvas *canvas, const tw_label *label, tw_ink ink, tw_rgb colour) {
  static const char *const anchors[] = {"", " text-anchor=\"middle\"", " text-anchor=\"end\""};
  (void)colour;
  tw_buffer *out = of(canvas)->out;
  tw_buffer_format(out, "<text class=\"i%d\"%s%s", (int)ink, anchors[label->anchor],
                   label->bold ? " font-weight=\"bold\"" : "");
  append_attribute(out, "font-size", label->size);
  if (label->turned) {
    append_numbers(out, " transform=\"translate(", label->x, label->y);
    tw_buffer_text(out, ") rotate(-90)\"");
  } else {
    append_attribute(out, "x", label->x);
    append_attribute(out, "y", label->y);
  }
  tw_buffer_text(out, ">");
  tw_html_text(out, label->text);
  tw_buffer_text(out, "</text>");
}

static void group(tw_canvas *canvas, const char *name) {
  svg_canvas *svg = of(canvas);
  if (svg->grouped) {
    tw_buffer_text(svg->out, "</g>");
  }
  if (name != NULL) {
    tw_buffer_format(svg->out, "<g class=\"%s\">", name);
  }
  svg->grouped = name != NULL;
}

static void cell(tw_canvas *canvas, double x, double y, double size, size_t row, size_t column) {
  tw_buffer *out = of(canvas)->out;
  tw_buffer_format(out, "<a href=\"#p%zu-%zu\" tabindex=\"-1\"><path class=\"hit\" d=\"", row, column);
  append_rectangle(out, x, y, size, size);
  tw_buffer_text(out, "\"/></a>");
}

tw_canvas *tw_svg_begin(tw_buffer *out, double width, double height, const char *attributes) {
  svg_canvas *svg = tw_alloc(1, sizeof *svg);
  if (svg == NULL) {
    out->failed = true;
    return NULL;
  }
  svg->canvas = (tw_canvas){.rectangle = rectangle,
                            .line = line,
                            .to = to,
                            .disc = disc,
                            .fill = fill,
                            .stroke = stroke,
                            .dash = dash,
                            .text = text,
                            .group = group,
                            .cell = cell};
  svg->out = out;
  tw_buffer_text(out, "<svg");
  append_attribute(out, "width", width);
  append_attribute(out, "height", height);
  append_numbers(out, " viewBox=\"0 0 ", width, height);
  tw_buffer_format(out, "\" %s>", attributes);
  return &svg->canvas;
}

void tw_svg_end(tw_canvas *canvas) {
  if (canvas == NULL) {
    return;
  }
  group(canvas, NULL);
  tw_buffer_text(of(canvas)->out, "</svg>");
  of(canvas)->out->failed = of(canvas)->out->failed || canvas->failed;
  tw_buffer_done(&of(canvas)->path);
  tw_free(of(canvas));
}
