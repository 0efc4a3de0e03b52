#!/bin/sh
# Reads the #include lines of src/ and include/ and fails on one that breaks the order of the floors:
#
#   - a floor includes its own headers and the one contract header (FLOOR/FLOOR.h) of floors below it;
#   - `server` and `report` do not know each other; the program (cli) knows the public headers and api/tool.h;
#   - a library's header is included only where the table below says.
#
# Usage: check_includes.sh [ROOT]; check_includes.sh --self-test first proves, on a tree made for it, that each kind of
# violation is found, and then checks the project.
set -eu

check() {
  (
    cd "$1"
    find src include -name '*.[ch]' 2>/dev/null | LC_ALL=C sort | xargs awk '
      BEGIN {
        split("base pull formats image graph engine features train model report server api cli", floors, " ")
        for (i in floors) height[floors[i]] = i + 0 # a number, not a text that orders 10 before 9
        height["server"] = height["report"] # equals: neither is below the other

        n = split("assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal " \
                  "stdalign stdarg stdatomic stdbool stddef stdint stdio stdlib stdnoreturn string tgmath " \
                  "threads time uchar wchar wctype dirent dlfcn fcntl fnmatch ftw getopt glob iconv langinfo " \
                  "libgen poll pthread pwd regex sched search semaphore strings termios unistd", names, " ")
        for (i = 1; i <= n; i++) standard[names[i] ".h"] = 1

        # library header (or its folder, with a slash): the folders that may include it
        where["dnnl.h"] = where["dnnl_types.h"] = where["dnnl_version.h"] = where["omp.h"] = "src/engine/dnnl/"
        where["oneapi/"] = "src/engine/dnnl/"
        where["jpeglib.h"] = where["jerror.h"] = where["turbojpeg.h"] = where["png.h"] = "src/image/"
        where["vips/"] = where["glib.h"] = where["glib-object.h"] = "src/image/vips/"
        where["cairo.h"] = where["cairo-svg.h"] = "src/report/cairo/"
        where["curl/"] = where["archive.h"] = where["archive_entry.h"] = where["openssl/"] = "src/pull/module/"
        where["xlsxwriter.h"] = "src/report/xlsx/"
        where["lmdb.h"] = "src/features/"
        where["immintrin.h"] = where["arm_neon.h"] = "src/image/ src/train/ src/engine/kernels/"
        where["xxhash.h"] = "src/base/"
        where["jansson.h"] = "src/formats/ src/features/ src/train/ src/model/ src/report/ src/server/ src/api/"
      }

      function wrong(why) {
        printf "%s:%d: %s: %s\n", FILENAME, FNR, header, why
        bad = 1
      }

      function library(    key, places, i, n) {
        key = header
        if (sub(/\/.*/, "/", key) && key == "sys/") return
        if (header in standard) return
        if (!(key in where)) {
          if (key == "linux/") return
          wrong("no rule says who may include this (tools/check_includes.sh)")
          return
        }
        n = split(where[key], places, " ")
        for (i = 1; i <= n; i++) if (index(FILENAME, places[i]) == 1) return
        wrong("only for " where[key])
      }

      function public() {
        if (floor == "topwork" || floor == "api" || floor == "cli") return
        if (floor == "base" && header == "topwork/status.h") return
        wrong("the public headers are for api and cli; floors have base/base.h")
      }

      FNR == 1 {
        split(FILENAME, part, "/")
        floor = part[2]
        if (!(floor in height) && floor != "topwork") {
          printf "%s: not in the folder of a floor\n", FILENAME
          bad = 1
        }
      }

      /^[ \t]*#[ \t]*include/ {
        line = $0
        sub(/^[ \t]*#[ \t]*include[ \t]*/, "", line)
        quoted = substr(line, 1, 1) == "\""
        header = substr(line, 2)
        sub(/[">].*/, "", header)
        count++
        if (split(header, part, "/") > 1) other = part[1]; else other = ""

        if (other == "topwork") public()
        else if (!quoted) library()
        else if (!(other in height)) wrong("write it as \"floor/name.h\"")
        else if (floor == "topwork") wrong("a public header includes only public headers")
        else if (floor == "cli" && other != "cli") { if (header != "api/tool.h") wrong("the program knows api/tool.h alone") }
        else if (other == floor) { }
        else if (height[other] >= height[floor]) wrong("`" floor "` does not stand on `" other "`")
        else if (other == "pull" && floor != "api") wrong("only `api` stands on `pull`")
        else if (header != other "/" other ".h") wrong("private to `" other "`; its contract is " other "/" other ".h")
      }

      END {
        if (count == 0) { print "no #include lines found"; bad = 1 }
        exit bad
      }'
  )
}

# expect FILE LINE WORDS: of a fresh tree that has the line in the file, the check must say these words.
expect() {
  rm -rf "$tree"
  mkdir -p "$tree/$(dirname "$1")" "$tree/src/base"
  printf '#include <stdio.h>\n' >"$tree/src/base/fine.c"
  printf '%s\n' "$2" >"$tree/$1"
  if said=$(check "$tree"); then said="(accepted) $said"; fi
  case $said in
    *"$3"*) ;;
    *) echo "self-test: '$2' in $1 should give '$3', gave: $said"; exit 1 ;;
  esac
}

self_test() {
  tree=$(mktemp -d)
  trap 'rm -rf "$tree"' EXIT
  fine='(accepted)'
  expect src/graph/a.c '#include "graph/private.h"' "$fine"
  expect src/graph/a.c '#include "base/base.h"' "$fine"
  expect src/graph/a.c '#include "engine/engine.h"' 'does not stand on'
  expect src/base/a.h '  #  include "formats/formats.h"' 'does not stand on'
  expect src/engine/a.c '#include "graph/private.h"' 'private to'
  expect src/engine/a.c '#include "private.h"' 'write it as'
  expect src/engine/a.c '#include "../graph/graph.h"' 'write it as'
  expect src/engine/a.c '#include <dnnl.h>' 'only for'
  expect src/engine/dnnl/a.c '#include <dnnl.h>' "$fine"
  expect src/engine/dnnl/a.c '#include <oneapi/dnnl/dnnl.h>' "$fine"
  expect src/report/a.c '#include "server/server.h"' 'does not stand on'
  expect src/server/a.c '#include "report/report.h"' 'does not stand on'
  expect src/report/a.c '#include "model/model.h"' "$fine"
  expect src/api/a.c '#include "features/features.h"' "$fine"
  expect src/features/a.c '#include "api/tool.h"' 'does not stand on'
  expect src/cli/a.c '#include "api/tool.h"' "$fine"
  expect src/cli/a.c '#include <topwork/topwork.h>' "$fine"
  expect src/cli/a.c '#include "base/base.h"' 'tool.h alone'
  expect src/cli/a.c '#include "api/private.h"' 'tool.h alone'
  expect src/cli/a.c '#include <jansson.h>' 'only for'
  expect src/train/a.c '#include "topwork/topwork.h"' 'public headers are for'
  expect src/base/a.h '#include "topwork/status.h"' "$fine"
  expect src/image/a.c '#include <vips/vips.h>' 'only for'
  expect src/image/vips/a.c '#include <vips/vips.h>' "$fine"
  expect src/pull/a.c '#include <curl/curl.h>' 'only for'
  expect src/pull/a.c '#include <archive.h>' 'only for'
  expect src/pull/module/a.c '#include <curl/curl.h>' "$fine"
  expect src/pull/module/a.c '#include <archive_entry.h>' "$fine"
  expect src/pull/module/a.c '#include <openssl/evp.h>' "$fine"
  expect src/base/a.c '#include <openssl/evp.h>' 'only for'
  expect src/pull/a.c '#include "base/base.h"' "$fine"
  expect src/pull/a.c '#include "formats/formats.h"' 'does not stand on'
  expect src/api/a.c '#include "pull/pull.h"' "$fine"
  expect src/api/a.c '#include "pull/internal.h"' 'private to'
  expect src/features/a.c '#include "pull/pull.h"' 'only `api` stands on'
  expect src/train/a.c '#include <lmdb.h>' 'only for'
  expect src/graph/a.c '#include <jansson.h>' 'only for'
  expect src/train/a.c '#include <magic.h>' 'no rule'
  expect src/train/a.c '#include <sys/stat.h>' "$fine"
  expect src/attic/a.c '#include <stdio.h>' 'not in the folder of a floor'
  expect include/topwork/a.h '#include "base/base.h"' 'only public headers'
  expect include/topwork/a.h '#include "topwork/status.h"' "$fine"
  rm -rf "$tree/src" "$tree/include"
  mkdir "$tree/src"
  if check "$tree" >/dev/null; then
    echo 'self-test: a tree without sources should fail'
    exit 1
  fi
}

if [ "${1:-}" = --self-test ]; then
  shift
  self_test
fi
check "${1:-$(dirname "$0")/..}"
