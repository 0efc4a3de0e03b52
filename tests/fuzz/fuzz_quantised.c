/* Fuzz target: the calibration of a network. What follows is the content of one; its hash is put at the end here, so
 * that invented bytes get past it. What is read gives itself again when it is written, and a plan of the network it was
 * made for refuses it or runs. */
#include <stdlib.h>
#include <string.h>

#include "engine/engine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PIXELS = 3 * 8 * 8, RESULTS = 12 };

static tw_graph *graph;

static void check(bool fine) {
  if (!fine) {
    abort();
  }
}

/* ---- The network ------------------------------------------------------------------------------------------------- */

static tw_value *constant(const char *name, int rank, const int64_t *dims) {
  tw_shape shape = {.rank = rank};
  memcpy(shape.dims, dims, (size_t)rank * sizeof *dims);
  size_t count;
  tw_value *value;
  check(tw_shape_count(&shape, &count));
  float *floats = tw_arena_alloc(graph->arena, count, sizeof *floats);
  check(floats != NULL);
  for (size_t i = 0; i < count; i++) {
    floats[i] = (float)((i * 37 + (size_t)name[0]) % 101) / 50.0F - 1.0F;
  }
  check(tw_graph_add_constant(graph, name, TW_DTYPE_F32, &shape, floats, &value, NULL) == TW_OK);
  return value;
}

static tw_value *conv(const char *name, tw_value *x, int64_t channels, int64_t kernel, int64_t group,
                      tw_value *addend) {
  char names[2][8];
  snprintf(names[0], sizeof names[0], "%sw", name);
  snprintf(names[1], sizeof names[1], "%sb", name);
  tw_attributes attributes = {.group = group, .activation = addend == NULL ? TW_ACTIVATION_RELU : TW_ACTIVATION_NONE};
  for (int i = 0; i < 2; i++) {
    attributes.pads_begin[i] = attributes.pads_end[i] = kernel / 2;
  }
  tw_value *weights = constant(names[0], 4, (const int64_t[]){channels, x->shape.dims[1] / group, kernel, kernel});
  tw_value *bias = constant(names[1], 1, (const int64_t[]){channels});
  tw_value *inputs[] = {x, weights, bias, addend};
  tw_value *value;
  check(tw_graph_add_node(graph, name, TW_OP_CONV, inputs, addend != NULL ? 4 : 3, &attributes, NULL, &value, NULL) ==
        TW_OK);
  return value;
}

static tw_value *node(const char *name, tw_op op, const tw_attributes *attributes, size_t count,
                      tw_value *const *inputs) {
  const tw_attributes none = {0};
  tw_value *value;
  check(tw_graph_add_node(graph, name, op, inputs, count, attributes != NULL ? attributes : &none, NULL, &value,
                          NULL) == TW_OK);
  return value;
}

static void make_graph(void) {
  const tw_shape shape = {.rank = 4, .dims = {1, 3, 8, 8}};
  const tw_attributes channels = {.axis = 1};
  const tw_attributes pool = {.spatial = 2, .kernel = {2, 2}, .strides = {2, 2}};
  tw_value *x = NULL;
  graph = tw_graph_create();
  check(graph != NULL && tw_graph_add_input(graph, "x", TW_DTYPE_F32, &shape, &x, NULL) == TW_OK);
  x = conv("a", x, 8, 3, 1, NULL);
  tw_value *y = conv("d", x, 8, 1, 1, conv("c", conv("b", x, 8, 3, 8, NULL), 8, 1, 1, x));
  y = node("e", TW_OP_CONCAT, &channels, 2, (tw_value *[]){x, y});
  y = conv("g", node("f", TW_OP_MAX_POOL, &pool, 1, &y), RESULTS, 3, 1, NULL);
  check(tw_graph_add_output(graph, node("h", TW_OP_GLOBAL_AVERAGE_POOL, NULL, 1, &y), NULL) == TW_OK);
}

/* ---- Use --------------------------------------------------------------------------------------------------------- */

static void plan(const tw_quantised *quantised) {
  const tw_plan_options options = {.threads = 1, .precision = TW_PRECISION_INT8, .quantised = quantised};
  tw_plan *made;
  tw_error error = {0};
  tw_status status = tw_plan_create_with(graph, &options, &made, &error);
  if (status != TW_OK) {
    check(status == TW_E_DATA && error.message[0] != '\0');
    return;
  }
  float input[PIXELS];
  float output[RESULTS];
  tw_session *session;
  for (size_t i = 0; i < PIXELS; i++) {
    input[i] = (float)(i % 17) / 8.0F - 1.0F;
  }
  check(tw_session_create(made, &session, NULL) == TW_OK);
  check(tw_session_run(session, input, (float *[]){output}, NULL) == TW_OK);
  tw_session_free(session);
  tw_plan_free(made);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (graph == NULL) {
    make_graph();
  }
  const tw_hash hash = tw_hash_of(data, size);
  tw_buffer file = {0};
  tw_buffer_append(&file, data, size);
  tw_buffer_append(&file, hash.bytes, sizeof hash.bytes);
  tw_quantised *quantised;
  tw_error error = {0};
  tw_status status = tw_quantised_read(tw_buffer_bytes(&file), &quantised, &error);
  if (status == TW_OK) {
    tw_buffer again = {0};
    check(tw_quantised_write(quantised, &again, NULL) == TW_OK && again.size == file.size &&
          memcmp(again.data, file.data, file.size) == 0);
    tw_buffer_done(&again);
    plan(quantised);
    tw_quantised_free(quantised);
  } else {
    check(status == TW_E_FORMAT && error.message[0] != '\0');
  }
  tw_buffer_done(&file);
  return 0;
}
