/* `run`: the bare network on a tensor of the caller's. For tests and for comparison with other runtimes. */
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

static tw_status prepare(job *job, const tw_tool *tool, const char *network, const char *node, tw_error *error) {
  TW_TRY(tw_graph_import(network, &job->graph, error));
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

/* The tensor's dimensions after the first must be those of the network's input. */
static tw_status check_input(job *job, const char *path, tw_error *error) {
  TW_TRY(tw_map_open(path, &job->map, error));
  tw_status status = tw_npy_read(tw_map_bytes(job->map), &job->npy, error);
  if (status != TW_OK) {
    return tw_error_prefix(error, status, "%s", path);
  }
  const tw_shape *wanted = &job->working->inputs[0]->shape;
  bool fits = job->npy.kind == 'f' && job->npy.rank == wanted->rank && job->npy.rank > 0;
  for (int i = 1; fits && i < wanted->rank; i++) {
    fits = job->npy.dims[i] == (size_t)wanted->dims[i];
  }
  if (!fits) {
    char text[TW_SHAPE_TEXT_SIZE];
    return tw_error_set(error, TW_E_DATA, "%s: the network wants floats of shape %s, the first dimension any", path,
                        tw_shape_text(wanted, text));
  }
  job->batch = job->npy.dims[0];
  return TW_OK;
}

static tw_status run_all(job *job, const char *path, tw_error *error) {
  size_t in = tw_plan_input_count(job->plan);
  size_t out = tw_plan_output_count(job->plan, 0);
  const tw_shape *shape = &job->working->outputs[0]->shape;
  size_t dims[TW_MAX_RANK] = {job->batch};
  for (int i = 1; i < shape->rank; i++) {
    dims[i] = (size_t)shape->dims[i];
  }
  tw_buffer header = {0};
  float *input = tw_alloc(in, sizeof *input);
  float *row = tw_alloc(out, sizeof *row);
  tw_output *output = NULL;
  tw_status status = input == NULL || row == NULL
                         ? tw_error_memory(error)
                         : tw_npy_header_f32(dims, shape->rank < 1 ? 1 : shape->rank, &header, error);
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
      status = tw_session_run(job->session, input, rows, error);
    }
    if (status == TW_OK) {
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
  tw_buffer_done(&header);
  return status;
}

tw_status tw_tool_run(const tw_tool *tool, const char *network, const char *input, const char *output,
                      const char *output_node, tw_error *error) {
  job job = {0};
  tw_status status = prepare(&job, tool, network, output_node, error);
  if (status == TW_OK) {
    status = check_input(&job, input, error);
  }
  if (status == TW_OK) {
    status = run_all(&job, output, error);
  }
  job_done(&job);
  return status;
}
