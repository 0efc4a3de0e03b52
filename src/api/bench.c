/* `bench`: how long a trunk takes on this machine: start, network, and, given a folder, the stages from file to
 * features. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "api/internal.h"
#include "formats/formats.h"

enum {
  NETWORK_ROUNDS = 7, /* the median of these counts */
  PICTURES_A_ROUND = 16,
  MAX_STAGE_PICTURES = 200 /* of the folder, for the times by stage */
};

typedef struct figures {
  int cores;
  double start;      /* seconds: the plan for one core a picture */
  double one;        /* a picture on one core */
  double all;        /* a picture on all cores */
  double throughput; /* pictures a second, one a core on all cores */
  double steadiness; /* throughput of all cores over that of one: 'cores' when the machine is quiet */
  size_t session_bytes;
  size_t weight_bytes;
  size_t pictures; /* of the folder; 0 without */
  double read;     /* seconds a picture, one core */
  double decode;
  double normalise;
  double pipeline; /* pictures a second, no cache, all cores */
} figures;

static int compare_doubles(const void *a, const void *b) {
  double x = *(const double *)a;
  double y = *(const double *)b;
  return (x > y) - (x < y);
}

static double median(double *values, size_t count) {
  qsort(values, count, sizeof *values, compare_doubles);
  return values[count / 2];
}

/* ---- The network ------------------------------------------------------------------------------------------------- */

typedef struct repeated {
  const tw_plan *plan;
  const float *input;
} repeated;

static tw_status run_repeatedly(void *context, size_t task, tw_error *error) {
  (void)task;
  const repeated *job = context;
  tw_session *session;
  TW_TRY(tw_session_create(job->plan, &session, error));
  float *output = tw_alloc(tw_plan_output_count(job->plan, 0), sizeof *output);
  tw_status status = output == NULL ? tw_error_memory(error) : TW_OK;
  float *const outputs[1] = {output};
  for (int i = 0; status == TW_OK && i < PICTURES_A_ROUND; i++) {
    status = tw_session_run(session, job->input, outputs, error);
  }
  tw_free(output);
  tw_session_free(session);
  return status;
}

/* Seconds for PICTURES_A_ROUND pictures on each of `workers` threads at once: the median of the rounds. */
static tw_status time_workers(const tw_plan *plan, int workers, double *ret_seconds, tw_error *error) {
  float *input = tw_alloc(tw_plan_input_count(plan), sizeof *input);
  if (input == NULL) {
    return tw_error_memory(error);
  }
  repeated job = {plan, input};
  double seconds[NETWORK_ROUNDS];
  tw_status status = tw_parallel(workers, (size_t)workers, run_repeatedly, &job, error); /* warms up */
  for (int round = 0; status == TW_OK && round < NETWORK_ROUNDS; round++) {
    double begin = tw_seconds();
    status = tw_parallel(workers, (size_t)workers, run_repeatedly, &job, error);
    seconds[round] = tw_seconds() - begin;
  }
  if (status == TW_OK) {
    *ret_seconds = median(seconds, NETWORK_ROUNDS);
  }
  tw_free(input);
  return status;
}

static tw_status time_network(tw_trunk *trunk, figures *figures, tw_error *error) {
  const tw_plan *single;
  const tw_plan *joint;
  double begin = tw_seconds();
  TW_TRY(tw_trunk_plan(trunk, TW_HEAD_FEATURES, 1, &single, error));
  figures->start = tw_seconds() - begin;
  figures->session_bytes = tw_plan_session_bytes(single);
  figures->weight_bytes = tw_plan_weight_bytes(single);
  TW_TRY(tw_trunk_plan(trunk, TW_HEAD_FEATURES, figures->cores, &joint, error));
  double one;
  double many;
  double all;
  TW_TRY(time_workers(single, 1, &one, error));
  TW_TRY(time_workers(single, figures->cores, &many, error));
  TW_TRY(time_workers(joint, 1, &all, error));
  figures->one = one / PICTURES_A_ROUND;
  figures->all = all / PICTURES_A_ROUND;
  figures->throughput = PICTURES_A_ROUND * figures->cores / many;
  figures->steadiness = figures->throughput * figures->one;
  return TW_OK;
}

/* ---- The folder -------------------------------------------------------------------------------------------------- */

static tw_status time_stages(const tw_trunk *trunk, const char *const *paths, size_t count, figures *figures,
                             tw_error *error) {
  tw_image_reader *reader = tw_image_reader_create();
  const tw_preprocess *preprocess = tw_trunk_preprocess(trunk);
  float *tensor = tw_alloc(tw_preprocess_count(preprocess), sizeof *tensor);
  if (reader == NULL || tensor == NULL) {
    tw_image_reader_free(reader);
    tw_free(tensor);
    return tw_error_memory(error);
  }
  tw_buffer file = {0};
  size_t good = 0;
  for (size_t i = 0; i < count && i < MAX_STAGE_PICTURES; i++) {
    double begin = tw_seconds();
    tw_image image;
    if (tw_file_read(paths[i], TW_IMAGE_MAX_FILE, &file, NULL) != TW_OK) {
      continue;
    }
    double read = tw_seconds();
    if (tw_image_decode(reader, tw_buffer_bytes(&file), preprocess, &image, NULL) != TW_OK) {
      continue;
    }
    double decoded = tw_seconds();
    if (tw_image_normalise(reader, &image, preprocess, tensor, NULL) == TW_OK) {
      figures->read += read - begin;
      figures->decode += decoded - read;
      figures->normalise += tw_seconds() - decoded;
      good++;
    }
  }
  tw_buffer_done(&file);
  tw_free(tensor);
  tw_image_reader_free(reader);
  if (good == 0) {
    return tw_error_set(error, TW_E_DATA, "no picture could be read");
  }
  figures->read /= (double)good;
  figures->decode /= (double)good;
  figures->normalise /= (double)good;
  return TW_OK;
}

static tw_status time_folder(const tw_tool *tool, tw_trunk *trunk, const char *folder, figures *figures,
                             tw_error *error) {
  tw_listing *listing;
  TW_TRY(tw_walk_files(&folder, 1, &listing, error));
  const char **paths = tw_alloc(listing->count, sizeof *paths);
  tw_status status = paths == NULL ? tw_error_memory(error) : TW_OK;
  for (size_t i = 0; paths != NULL && i < listing->count; i++) {
    paths[i] = listing->pictures[i].path;
  }
  if (status == TW_OK) {
    status = time_stages(trunk, paths, listing->count, figures, error);
  }
  if (status == TW_OK) {
    tw_ticker ticker = tw_api_ticker(tool);
    tw_extract_options options = {.threads = tool->threads, .head = TW_HEAD_FEATURES, .ticker = &ticker};
    tw_extraction *extraction;
    double begin = tw_seconds();
    status = tw_extract(trunk, NULL, paths, listing->count, &options, &extraction, error);
    if (status == TW_OK) {
      figures->pictures = listing->count;
      figures->pipeline = (double)listing->count / (tw_seconds() - begin);
      tw_extraction_free(extraction);
    }
  }
  tw_free(paths);
  tw_listing_free(listing);
  return status;
}

/* ---- The table --------------------------------------------------------------------------------------------------- */

static void append_table(tw_buffer *buffer, const tw_trunk *trunk, const figures *figures) {
  tw_buffer_format(buffer, "trunk       %s, f32, %s, %d core%s\n", tw_trunk_name(trunk), tw_engine_identity(),
                   figures->cores, figures->cores == 1 ? "" : "s");
  tw_buffer_format(buffer, "start       %.0f ms to plan the network\n", 1e3 * figures->start);
  tw_buffer_format(buffer, "network     %.2f ms a picture on one core, %.2f ms on all\n", 1e3 * figures->one,
                   1e3 * figures->all);
  tw_buffer_format(buffer, "throughput  %.1f pictures a second, one picture a core\n", figures->throughput);
  tw_buffer_format(buffer, "memory      %.1f MB weights, %.1f MB a worker\n", (double)figures->weight_bytes / 1e6,
                   (double)figures->session_bytes / 1e6);
  if (figures->pictures > 0) {
    tw_buffer_format(
        buffer, "stages      read %.2f ms, decode %.2f ms, resize %.2f ms, network %.2f ms a picture on one core\n",
        1e3 * figures->read, 1e3 * figures->decode, 1e3 * figures->normalise, 1e3 * figures->one);
    tw_buffer_format(buffer, "pipeline    %.1f pictures a second from %zu files to features\n", figures->pipeline,
                     figures->pictures);
  }
  if (figures->steadiness < 0.85 * figures->cores) {
    tw_buffer_format(buffer,
                     "unsteady    %d cores gave only %.2f times one: something else is running, or the machine is "
                     "shared; measure again\n",
                     figures->cores, figures->steadiness);
  }
}

static tw_status append_json(tw_buffer *buffer, const tw_trunk *trunk, const figures *figures, tw_error *error) {
  json_t *object =
      json_pack("{s:s, s:s, s:s, s:i, s:f, s:f, s:f, s:f, s:f, s:I, s:I}", "trunk", tw_trunk_name(trunk), "precision",
                "f32", "engine", tw_engine_identity(), "cores", figures->cores, "start_seconds", figures->start,
                "network_seconds_one_core", figures->one, "network_seconds_all_cores", figures->all,
                "pictures_per_second", figures->throughput, "steadiness", figures->steadiness, "weight_bytes",
                (json_int_t)figures->weight_bytes, "session_bytes", (json_int_t)figures->session_bytes);
  if (figures->pictures > 0) {
    json_object_set_new(object, "folder",
                        json_pack("{s:I, s:f, s:f, s:f, s:f}", "pictures", (json_int_t)figures->pictures,
                                  "read_seconds", figures->read, "decode_seconds", figures->decode, "resize_seconds",
                                  figures->normalise, "pictures_per_second", figures->pipeline));
  }
  tw_json_append(buffer, object);
  tw_buffer_text(buffer, "\n");
  return tw_buffer_status(buffer, error);
}

tw_status tw_tool_bench(const tw_tool *tool, const tw_tool_trunk *trunk, const char *folder, tw_error *error) {
  tw_trunk *opened;
  TW_TRY(tw_api_open_trunk(trunk, &opened, error));
  figures figures = {.cores = tw_thread_count(tool->threads)};
  tw_status status = time_network(opened, &figures, error);
  if (status == TW_OK && folder != NULL) {
    status = time_folder(tool, opened, folder, &figures, error);
  }
  tw_buffer buffer = {0};
  if (status == TW_OK && tool->json) {
    status = append_json(&buffer, opened, &figures, error);
  } else if (status == TW_OK) {
    append_table(&buffer, opened, &figures);
  }
  if (status == TW_OK) {
    status = tw_api_write(tool, &buffer, error);
  }
  tw_buffer_done(&buffer);
  tw_trunk_free(opened);
  return status;
}
