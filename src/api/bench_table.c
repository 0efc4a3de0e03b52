/* `bench`: its figures as a table and as JSON (docs/JSON.md). */
#include <jansson.h>
#include <string.h>

#include "api/bench.h"

static double milliseconds(double seconds) {
  return 1e3 * seconds;
}

static double megabytes(size_t bytes) {
  return (double)bytes / 1e6;
}

static bool is_measured(const tw_bench_row *row) {
  return row->trunk != NULL;
}

/* The first row that was measured: there is one. */
static const tw_trunk *trunk_of(const tw_bench *bench) {
  const tw_bench_row *row = bench->rows;
  while (!is_measured(row)) {
    row++;
  }
  return row->trunk;
}

/* How many threads' worth of arithmetic all threads do at their best. */
static double parallel(const tw_bench *bench) {
  return bench->cores * bench->fastest.one / bench->fastest.all;
}

/* ---- The table --------------------------------------------------------------------------------------------------- */

static void append_machine(tw_buffer *buffer, const tw_bench *bench) {
  tw_buffer_format(buffer, "trunk      %s\n", tw_trunk_name(trunk_of(bench)));
  tw_buffer_format(buffer, "machine    %s, %d core%s, together %.2f times one\n", tw_engine_identity(), bench->cores,
                   bench->cores == 1 ? "" : "s", parallel(bench));
  if (bench->steady) {
    tw_buffer_format(buffer, "steady     %zu of %zu samples fell into bad moments and do not count\n",
                     bench->thrown_away, bench->samples);
  } else {
    tw_buffer_format(buffer,
                     "unsteady   the machine was up to %.2f times slower than at its best: something else is running; "
                     "measure again\n",
                     bench->slowest);
  }
}

static void append_networks(tw_buffer *buffer, const tw_bench *bench) {
  tw_buffer_text(buffer,
                 "\nnetwork    pictures/s   ms a picture                    start   weights  a worker   at most\n");
  tw_buffer_text(buffer,
                 "           all cores    all cores   one core  one on all     ms        MB        MB        MB\n");
  for (size_t i = 0; i < bench->row_count; i++) {
    const tw_bench_row *row = &bench->rows[i];
    if (!is_measured(row)) {
      tw_buffer_format(buffer, "%-10s %s\n", tw_precision_name(row->precision), row->left_out);
      continue;
    }
    tw_buffer_format(buffer, "%-10s %9.1f %12.2f %10.2f %11.2f %6.0f %9.1f %9.1f %9.1f\n",
                     tw_precision_name(row->precision), 1 / row->many, milliseconds(row->many),
                     milliseconds(row->one_core), milliseconds(row->all_cores), milliseconds(row->start),
                     megabytes(row->weight_bytes), megabytes(row->session_bytes), megabytes(row->peak_bytes));
  }
}

static void append_stage(tw_buffer *buffer, const char *name, const char *precision, const tw_bench_span *span) {
  tw_buffer_format(buffer, "%s%s%*s %12.2f %12.2f\n", name, precision, (int)(15 - strlen(name) - strlen(precision)), "",
                   milliseconds(span->cpu), milliseconds(span->wall));
}

static void append_folder(tw_buffer *buffer, const tw_bench *bench) {
  tw_buffer_text(buffer, "\nstages, ms a picture on one core\n                         CPU         wall\n");
  append_stage(buffer, "read", "", &bench->read);
  append_stage(buffer, "decode", "", &bench->decode);
  append_stage(buffer, "resize", "", &bench->resize);
  for (size_t i = 0; i < bench->row_count; i++) {
    if (is_measured(&bench->rows[i])) {
      append_stage(buffer, "network, ", tw_precision_name(bench->rows[i].precision), &bench->rows[i].network);
    }
  }
  tw_buffer_format(buffer, "\nfrom %zu files to features, all cores, nothing cached\n", bench->distinct);
  tw_buffer_text(buffer, "             pictures/s   ms a picture   CPU ms a picture\n");
  for (size_t i = 0; i < bench->row_count; i++) {
    const tw_bench_row *row = &bench->rows[i];
    if (is_measured(row)) {
      tw_buffer_format(buffer, "%-10s %12.1f %14.2f %18.2f\n", tw_precision_name(row->precision), 1 / row->pipeline,
                       milliseconds(row->pipeline), milliseconds(row->pipeline_cpu));
    }
  }
}

void tw_bench_append_table(tw_buffer *buffer, const tw_bench *bench) {
  append_machine(buffer, bench);
  append_networks(buffer, bench);
  if (bench->pictures != NULL) {
    append_folder(buffer, bench);
  }
}

/* ---- JSON -------------------------------------------------------------------------------------------------------- */

static json_t *span_json(const tw_bench_span *span) {
  return json_pack("{s:f, s:f}", "cpu_seconds", span->cpu, "wall_seconds", span->wall);
}

static json_t *row_json(const tw_bench *bench, const tw_bench_row *row) {
  if (!is_measured(row)) {
    return json_pack("{s:s, s:s}", "precision", tw_precision_name(row->precision), "left_out", row->left_out);
  }
  json_t *object =
      json_pack("{s:s, s:n, s:f, s:f, s:f, s:f, s:f, s:I, s:I, s:I}", "precision", tw_precision_name(row->precision),
                "left_out", "pictures_per_second", 1 / row->many, "network_seconds_many", row->many,
                "network_seconds_one_core", row->one_core, "network_seconds_all_cores", row->all_cores, "start_seconds",
                row->start, "weight_bytes", (json_int_t)row->weight_bytes, "session_bytes",
                (json_int_t)row->session_bytes, "peak_bytes", (json_int_t)row->peak_bytes);
  if (bench->pictures != NULL) {
    json_object_set_new(object, "folder",
                        json_pack("{s:o, s:f, s:f, s:f}", "network", span_json(&row->network), "pictures_per_second",
                                  1 / row->pipeline, "seconds", row->pipeline, "cpu_seconds", row->pipeline_cpu));
  }
  return object;
}

json_t *tw_bench_json(const tw_bench *bench) {
  json_t *rows = json_array();
  for (size_t i = 0; i < bench->row_count; i++) {
    json_array_append_new(rows, row_json(bench, &bench->rows[i]));
  }
  json_t *object = json_pack("{s:s, s:s, s:i, s:o}", "trunk", tw_trunk_name(trunk_of(bench)), "engine",
                             tw_engine_identity(), "cores", bench->cores, "precisions", rows);
  json_object_set_new(
      object, "machine",
      json_pack("{s:b, s:f, s:f, s:f, s:f, s:I, s:I}", "steady", bench->steady, "probe_seconds_one", bench->fastest.one,
                "probe_seconds_all", bench->fastest.all, "parallel", parallel(bench), "slowest", bench->slowest,
                "samples", (json_int_t)bench->samples, "thrown_away", (json_int_t)bench->thrown_away));
  if (bench->pictures != NULL) {
    json_object_set_new(object, "folder",
                        json_pack("{s:I, s:I, s:o, s:o, s:o}", "pictures", (json_int_t)bench->distinct, "staged",
                                  (json_int_t)bench->staged, "read", span_json(&bench->read), "decode",
                                  span_json(&bench->decode), "resize", span_json(&bench->resize)));
  }
  return object;
}
