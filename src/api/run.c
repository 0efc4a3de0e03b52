/* `run`: the bare network on a tensor of the caller's. For tests and for comparison with other runtimes, so a GraphDef
 * takes and gives pictures as TensorFlow does, N x H x W x C. */
#include <string.h>

#include "api/internal.h"
#include "formats/formats.h"

/* The network, planned for one picture, and the tensor it is to run on. */
typedef struct job {
  tw_graph *graph;
  tw_graph *working;
  tw_plan *plan;
  tw_session *session;
  tw_map *map;
  tw_npy npy;
  size_t batch;
} job;

static void job_done(job *job) {
  tw_session_free(job->session);
  tw_plan_free(job->plan);
  tw_graph_free(job->working);
  tw_graph_free(job->graph);
  tw_map_close(job->map);
}

/* ---- Orders of dimensions ---------------------------------------------------------------------------------------- */

static bool is_turned(const job *job, const tw_shape *shape) {
  return job->graph->colours_last && shape->rank == 4;
}

/* A value's dimensions as the file has them. */
static tw_shape outer_shape(const job *job, const tw_value *value) {
  tw_shape shape = value->shape;
  if (is_turned(job, &shape)) {
    shape.dims[1] = value->shape.dims[2];
    shape.dims[2] = value->shape.dims[3];
    shape.dims[3] = value->shape.dims[1];
  }
  return shape;
}

/* rows x columns to columns x rows. */
static void turn(const float *from, size_t rows, size_t columns, float *to) {
  for (size_t i = 0; i < rows; i++) {
    for (size_t j = 0; j < columns; j++) {
      to[j * rows + i] = from[i * columns + j];
    }
  }
}

/* One picture between the file's order and ours, in place. `room` is as large. */
static void reorder(const job *job, const tw_value *value, bool outwards, float *picture, float *room) {
  const int64_t *dims = value->shape.dims;
  if (is_turned(job, &value->shape)) {
    size_t channels = (size_t)dims[1];
    size_t pixels = (size_t)(dims[2] * dims[3]);
    turn(picture, outwards ? channels : pixels, outwards ? pixels : channels, room);
    memcpy(picture, room, channels * pixels * sizeof *picture);
  }
}

/* ---- The job ----------------------------------------------------------------------------------------------------- */

/* A network that leaves its size open gets that of the tensor. */
static tw_graph_hints hints_of(const tw_npy *npy) {
  tw_graph_hints hints = {0};
  if (npy->rank == 4 && npy->dims[1] <= UINT32_MAX && npy->dims[2] <= UINT32_MAX) {
    hints = (tw_graph_hints){.height = (uint32_t)npy->dims[1], .width = (uint32_t)npy->dims[2]};
  }
  return hints;
}

static tw_status prepare(job *job, const tw_tool *tool, const char *network, const char *node, tw_error *error) {
  const tw_graph_hints hints = hints_of(&job->npy);
  TW_TRY(tw_graph_import_hinted(network, &hints, &job->graph, error));
  TW_TRY(tw_graph_copy(job->graph, &job->working, error));
  tw_value *output = node == NULL ? job->working->outputs[0] : tw_graph_find(job->working, node);
  if (output == NULL) {
    return tw_error_set(error, TW_E_ARGUMENT, "%s: has no node or value '%s'; 'topwork inspect %s' lists them", network,
                        node, network);
  }
  tw_status status = tw_graph_cut(job->working, &output, 1, error);
  if (status == TW_OK) {
    status = tw_graph_optimise(job->working, NULL, NULL, error);
  }
  if (status == TW_OK) {
    status = tw_plan_create(job->working, tw_thread_count(tool->threads), &job->plan, error);
  }
  if (status == TW_OK) {
    status = tw_session_create(job->plan, &job->session, error);
  }
  return status == TW_OK ? TW_OK : tw_error_prefix(error, status, "%s", network);
}

static tw_status read_input(job *job, const char *path, tw_error *error) {
  TW_TRY(tw_map_open(path, &job->map, error));
  tw_status status = tw_npy_read(tw_map_bytes(job->map), &job->npy, error);
  return status == TW_OK ? TW_OK : tw_error_prefix(error, status, "%s", path);
}

/* The tensor's dimensions after the first must be those of the network's input. */
static tw_status check_input(job *job, const char *path, tw_error *error) {
  tw_shape wanted = outer_shape(job, job->working->inputs[0]);
  bool fits = job->npy.kind == 'f' && job->npy.rank == wanted.rank && job->npy.rank > 0;
  for (int i = 1; fits && i < wanted.rank; i++) {
    fits = job->npy.dims[i] == (size_t)wanted.dims[i];
  }
  if (!fits) {
    char text[TW_SHAPE_TEXT_SIZE];
    return tw_error_set(error, TW_E_DATA, "%s: the network wants floats of shape %s, the first dimension any%s", path,
                        tw_shape_text(&wanted, text), is_turned(job, &wanted) ? ", colours last" : "");
  }
  job->batch = job->npy.dims[0];
  return TW_OK;
}

static tw_status run_all(job *job, const char *path, tw_error *error) {
  size_t in = tw_plan_input_count(job->plan);
  size_t out = tw_plan_output_count(job->plan, 0);
  const tw_value *result = job->working->outputs[0];
  tw_shape shape = outer_shape(job, result);
  size_t dims[TW_MAX_RANK] = {job->batch};
  for (int i = 1; i < shape.rank; i++) {
    dims[i] = (size_t)shape.dims[i];
  }
  tw_buffer header = {0};
  float *input = tw_alloc(in, sizeof *input);
  float *row = tw_alloc(out, sizeof *row);
  float *room = tw_alloc(in > out ? in : out, sizeof *room);
  tw_output *output = NULL;
  tw_status status = input == NULL || row == NULL || room == NULL
                         ? tw_error_memory(error)
                         : tw_npy_header_f32(dims, shape.rank < 1 ? 1 : shape.rank, &header, error);
  if (status == TW_OK) {
    status = tw_output_open(path, &output, error);
  }
  if (status == TW_OK) {
    tw_output_write(output, header.data, header.size);
  }
  for (size_t i = 0; status == TW_OK && i < job->batch; i++) {
    status = tw_npy_to_f32(&job->npy, i * in, in, input, error);
    if (status == TW_OK) {
      float *const rows[1] = {row};
      reorder(job, job->working->inputs[0], false, input, room);
      status = tw_session_run(job->session, input, rows, error);
    }
    if (status == TW_OK) {
      reorder(job, result, true, row, room);
      tw_output_write(output, row, out * sizeof *row);
    }
  }
  if (status == TW_OK) {
    status = tw_output_commit(output, error);
  } else {
    tw_output_discard(output);
  }
  tw_free(input);
  tw_free(row);
  tw_free(room);
  tw_buffer_done(&header);
  return status;
}

tw_status tw_tool_run(const tw_tool *tool, const char *network, const char *input, const char *output,
                      const char *output_node, tw_error *error) {
  job job = {0};
  tw_status status = read_input(&job, input, error);
  if (status == TW_OK) {
    status = prepare(&job, tool, network, output_node, error);
  }
  if (status == TW_OK) {
    status = check_input(&job, input, error);
  }
  if (status == TW_OK) {
    status = run_all(&job, output, error);
  }
  job_done(&job);
  return status;
}
