/* The engine's own promises: memory is planned without overlaps, a plan is shared by threads, results do not depend on
 * what ran before, failures are clean, and the plan says what it does. */
#include <pthread.h>

#include "engine/lifetimes.h"
#include "engine_reference.h"

/* ---- Lifetimes --------------------------------------------------------------------------------------------------- */

static void lifetimes_never_overlap(void **state) {
  (void)state;
  tw_random random;
  tw_random_init(&random, 1);
  for (int round = 0; round < 200; round++) {
    tw_lifetime buffers[40];
    size_t count = (size_t)random_in(&random, 0, 40);
    size_t most = 0; /* the sum of all that live at one step: no plan can do with less */
    for (size_t i = 0; i < count; i++) {
      size_t first = tw_random_below(&random, 20);
      buffers[i] = (tw_lifetime){tw_random_below(&random, 1000), first, first + tw_random_below(&random, 6), 0};
    }
    for (size_t step = 0; step < 30; step++) {
      size_t living = 0;
      for (size_t i = 0; i < count; i++) {
        living += buffers[i].first <= step && step <= buffers[i].last ? buffers[i].bytes : 0;
      }
      most = living > most ? living : most;
    }
    size_t bytes;
    assert_int_equal(tw_lifetimes_place(buffers, count, SIZE_MAX, &bytes, NULL), TW_OK);
    assert_true(bytes >= most);
    for (size_t i = 0; i < count; i++) {
      const tw_lifetime *a = &buffers[i];
      assert_int_equal(a->offset % TW_LIFETIME_ALIGNMENT, 0);
      assert_true(a->offset + a->bytes <= bytes);
      for (size_t k = 0; k < i; k++) {
        const tw_lifetime *b = &buffers[k];
        bool same_time = a->first <= b->last && b->first <= a->last;
        bool same_place = a->offset < b->offset + b->bytes && b->offset < a->offset + a->bytes;
        assert_false(same_time && same_place);
      }
    }
  }
}

static void lifetimes_reuse_what_is_free(void **state) {
  (void)state;
  tw_lifetime chain[10];
  for (size_t i = 0; i < 10; i++) {
    chain[i] = (tw_lifetime){640, i, i + 1, 0};
  }
  size_t bytes;
  assert_int_equal(tw_lifetimes_place(chain, 10, SIZE_MAX, &bytes, NULL), TW_OK);
  assert_int_equal(bytes, 2 * 640);
}

/* What a picture network does: in order of time, the third would find no gap. */
static void lifetimes_place_the_largest_first(void **state) {
  (void)state;
  tw_lifetime buffers[] = {{800 * 64, 0, 1, 0}, {4800 * 64, 1, 2, 0}, {1200 * 64, 2, 3, 0}};
  size_t bytes;
  assert_int_equal(tw_lifetimes_place(buffers, 3, SIZE_MAX, &bytes, NULL), TW_OK);
  assert_int_equal(bytes, 6000 * 64);
}

static void lifetimes_have_a_limit(void **state) {
  (void)state;
  tw_lifetime two[] = {{100, 0, 1, 0}, {100, 0, 1, 0}};
  tw_lifetime huge = {SIZE_MAX - 10, 0, 0, 0};
  size_t bytes = 7;
  assert_int_equal(tw_lifetimes_place(two, 2, 255, &bytes, NULL), TW_E_LIMIT);
  assert_int_equal(tw_lifetimes_place(&huge, 1, SIZE_MAX, &bytes, NULL), TW_E_LIMIT);
  assert_int_equal(bytes, 7);
  assert_int_equal(tw_lifetimes_place(two, 2, 256, &bytes, NULL), TW_OK);
}

/* ---- A network with a bit of everything -------------------------------------------------------------------------- */

enum { PIXELS = 3 * 32 * 32, CLASSES = 10 };

static tw_value *conv(net *net, tw_value *x, int64_t channels, int64_t kernel, int64_t stride, tw_value *addend) {
  tw_attributes attributes = {.group = 1, .activation = TW_ACTIVATION_RELU};
  for (int i = 0; i < 2; i++) {
    attributes.strides[i] = stride;
    attributes.pads_begin[i] = kernel / 2;
    attributes.pads_end[i] = kernel / 2;
  }
  tw_value *weights = net_constant(net, SHAPE(channels, x->shape.dims[1], kernel, kernel));
  return net_node(net, TW_OP_CONV, &attributes, addend != NULL ? 4 : 2, (tw_value *[]){x, weights, NULL, addend});
}

static void make_net(net *net) {
  net_init(net, 4);
  tw_attributes channels = {.axis = 1};
  tw_attributes gemm = {.alpha = 1, .beta = 1, .transpose_b = true};
  tw_value *x = conv(net, net_input(net, SHAPE(1, 3, 32, 32)), 16, 3, 2, NULL);
  tw_value *odd = conv(net, conv(net, x, 12, 1, 1, NULL), 12, 3, 1, NULL); /* fills no whole blocks of channels */
  tw_value *y = conv(net, conv(net, odd, 32, 1, 1, NULL), 16, 3, 1, x);
  y = NODE(net, TW_OP_CONCAT, &channels, y, conv(net, y, 24, 1, 1, NULL), x);
  y = NODE(net, TW_OP_FLATTEN, &channels, NODE(net, TW_OP_GLOBAL_AVERAGE_POOL, NULL, y));
  net_output(net, y);
  y = NODE(net, TW_OP_GEMM, &gemm, y, net_constant(net, SHAPE(CLASSES, 56)), net_constant(net, SHAPE(CLASSES)));
  net_output(net, NODE(net, TW_OP_SOFTMAX, &channels, y));
}

static void fill(float *values, size_t count, uint64_t seed) {
  tw_random random;
  tw_random_init(&random, seed);
  for (size_t i = 0; i < count; i++) {
    values[i] = random_float(&random);
  }
}

static tw_plan *make_plan(int threads) {
  net net;
  tw_plan *plan;
  make_net(&net);
  assert_int_equal(tw_plan_create(net.graph, threads, &plan, NULL), TW_OK);
  tw_graph_free(net.graph); /* the plan keeps nothing of it */
  return plan;
}

static void a_plan_describes_itself(void **state) {
  (void)state;
  tw_plan *plan = make_plan(1);
  assert_int_equal(tw_plan_input_count(plan), PIXELS);
  assert_int_equal(tw_plan_output_number(plan), 2);
  assert_int_equal(tw_plan_output_count(plan, 0), 56);
  assert_int_equal(tw_plan_output_count(plan, 1), CLASSES);
  assert_true(tw_plan_weight_bytes(plan) >= 16 * 27 * sizeof(float));
  assert_true(tw_plan_session_bytes(plan) >= 2 * 16 * 16 * 16 * sizeof(float));
  const tw_plan_step *first = tw_plan_step_at(plan, 0);
  assert_int_equal(strncmp(first->layout, "nchw -> ", 8), 0);
  /* AVX2 reads the picture as it comes, AVX-512 wants channels last */
  first = tw_plan_step_at(plan, strcmp(first->kind, "reorder") == 0 ? 1 : 0);
  assert_string_equal(first->kind, "convolution");
  assert_int_equal(first->multiplications, 16 * 16 * 16 * 27);
  for (size_t i = 0; i < tw_plan_step_count(plan); i++) {
    const tw_plan_step *step = tw_plan_step_at(plan, i);
    assert_true(step->name[0] != '\0' && step->implementation[0] != '\0' && strstr(step->layout, " -> ") != NULL);
    assert_true(step->bytes > 0);
  }
  assert_int_equal(strncmp(tw_engine_identity(), "oneDNN ", 7), 0);
  assert_ptr_equal(tw_engine_identity(), tw_engine_identity());
  tw_plan_free(plan);
  tw_plan_free(NULL);
  tw_session_free(NULL);
}

/* An output that no step computes: the input itself, a constant, a view. */
static void outputs_may_be_anything(void **state) {
  (void)state;
  net net;
  net_init(&net, 2);
  tw_attributes flatten = {.axis = 1};
  tw_value *x = net_input(&net, SHAPE(1, 3, 2, 2));
  tw_value *y = NODE(&net, TW_OP_RELU, NULL, x);
  net_output(&net, x);
  net_output(&net, net_constant(&net, SHAPE(5)));
  net_output(&net, NODE(&net, TW_OP_FLATTEN, &flatten, x));
  net_output(&net, y);
  check_net(&net, 0);
}

/* ---- Sessions ---------------------------------------------------------------------------------------------------- */

static void results_do_not_depend_on_what_ran_before(void **state) {
  (void)state;
  tw_plan *plan = make_plan(2);
  tw_session *session;
  assert_int_equal(tw_session_create(plan, &session, NULL), TW_OK);
  static float inputs[2][PIXELS];
  float features[56];
  float first[CLASSES];
  float later[CLASSES];
  fill(inputs[0], PIXELS, 1);
  for (size_t i = 0; i < PIXELS; i++) {
    inputs[1][i] = i % 3 == 0 ? NAN : INFINITY;
  }
  assert_int_equal(tw_session_run(session, inputs[0], (float *[]){features, first}, NULL), TW_OK);
  assert_int_equal(tw_session_run(session, inputs[1], (float *[]){features, later}, NULL), TW_OK);
  assert_memory_not_equal(first, later, sizeof first);
  assert_int_equal(tw_session_run(session, inputs[0], (float *[]){NULL, later}, NULL), TW_OK);
  assert_memory_equal(first, later, sizeof first);
  tw_session_free(session);
  tw_plan_free(plan);
}

static void a_run_allocates_nothing(void **state) {
  (void)state;
  tw_plan *plan = make_plan(1);
  tw_session *session;
  static float input[PIXELS];
  float features[56];
  float result[CLASSES];
  assert_int_equal(tw_session_create(plan, &session, NULL), TW_OK);
  tw_memory_fail_after(1);
  tw_status status = tw_session_run(session, input, (float *[]){features, result}, NULL);
  tw_memory_fail_after(0);
  assert_int_equal(status, TW_OK);
  tw_session_free(session);
  tw_plan_free(plan);
}

/* libgomp's setting of the calling thread. */
int omp_get_max_threads(void);
void omp_set_num_threads(int count);

static void the_calling_thread_stays_as_it_was(void **state) {
  (void)state;
  static float input[PIXELS];
  tw_session *session;
  omp_set_num_threads(5);
  tw_plan *plan = make_plan(2);
  assert_int_equal(omp_get_max_threads(), 5);
  assert_int_equal(tw_session_create(plan, &session, NULL), TW_OK);
  assert_int_equal(tw_session_run(session, input, NULL, NULL), TW_OK);
  assert_int_equal(omp_get_max_threads(), 5);
  double *seconds = calloc(tw_plan_step_count(plan), sizeof *seconds);
  assert_non_null(seconds);
  assert_int_equal(tw_session_profile(session, input, seconds, NULL), TW_OK);
  assert_int_equal(omp_get_max_threads(), 5);
  free(seconds);
  tw_session_free(session);
  tw_plan_free(plan);
}

static void profiles_add_up(void **state) {
  (void)state;
  tw_plan *plan = make_plan(1);
  tw_session *session;
  static float input[PIXELS];
  assert_int_equal(tw_session_create(plan, &session, NULL), TW_OK);
  double *seconds = calloc(tw_plan_step_count(plan), sizeof *seconds);
  assert_non_null(seconds);
  seconds[0] = 100;
  assert_int_equal(tw_session_profile(session, input, seconds, NULL), TW_OK);
  assert_true(seconds[0] >= 100);
  for (size_t i = 0; i < tw_plan_step_count(plan); i++) {
    assert_true(seconds[i] >= 0);
  }
  free(seconds);
  tw_session_free(session);
  tw_plan_free(plan);
}

enum { WORKERS = 4, ROUNDS = 25 };

typedef struct worker {
  const tw_plan *plan;
  uint64_t seed;
  float results[ROUNDS][CLASSES];
  tw_status status;
} worker;

static void *work(void *argument) {
  worker *worker = argument;
  tw_session *session;
  float *input = calloc(PIXELS, sizeof *input);
  worker->status = input == NULL ? TW_E_MEMORY : tw_session_create(worker->plan, &session, NULL);
  if (worker->status != TW_OK) {
    return NULL;
  }
  for (int i = 0; i < ROUNDS && worker->status == TW_OK; i++) {
    fill(input, PIXELS, worker->seed + (uint64_t)i);
    worker->status = tw_session_run(session, input, (float *[]){NULL, worker->results[i]}, NULL);
  }
  tw_session_free(session);
  free(input);
  return NULL;
}

/* Four threads share a plan of one; a plan of three threads, made elsewhere, gives the same bits. */
static void threads_share_a_plan(void **state) {
  (void)state;
  static worker workers[WORKERS + 1];
  pthread_t threads[WORKERS];
  tw_plan *plan = make_plan(1);
  for (int i = 0; i < WORKERS; i++) {
    workers[i].plan = plan;
    workers[i].seed = 100 + (uint64_t)i;
    assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
  }
  for (int i = 0; i < WORKERS; i++) {
    pthread_join(threads[i], NULL);
    assert_int_equal(workers[i].status, TW_OK);
  }
  tw_plan *wide = make_plan(3);
  worker *alone = &workers[WORKERS];
  for (int i = 0; i < WORKERS; i++) {
    *alone = (worker){.plan = wide, .seed = workers[i].seed};
    work(alone);
    assert_int_equal(alone->status, TW_OK);
    assert_memory_equal(alone->results, workers[i].results, sizeof alone->results);
  }
  tw_plan_free(wide);
  tw_plan_free(plan);
}

/* ---- Failures ---------------------------------------------------------------------------------------------------- */

static void every_allocation_may_fail(void **state) {
  (void)state;
  net net;
  make_net(&net);
  size_t failures = 0;
  for (size_t n = 1;; n++) {
    tw_plan *plan = NULL;
    tw_session *session = NULL;
    tw_error error = {0};
    tw_memory_fail_after(n);
    tw_status status = tw_plan_create(net.graph, 1, &plan, &error);
    if (status == TW_OK) {
      status = tw_session_create(plan, &session, &error);
    }
    tw_memory_fail_after(0);
    tw_session_free(session);
    tw_plan_free(plan);
    if (status == TW_OK) {
      break;
    }
    assert_int_equal(status, TW_E_MEMORY);
    assert_int_equal(error.code, TW_E_MEMORY);
    failures++;
  }
  assert_true(failures > 20);
  tw_graph_free(net.graph);
}

static void assert_refused(net *net, tw_status expected, const char *words) {
  tw_plan *plan = NULL;
  tw_error error = {0};
  tw_status status = tw_plan_create(net->graph, 1, &plan, &error);
  print_message("%s\n", error.message);
  assert_int_equal(status, expected);
  assert_int_equal(error.code, expected);
  assert_non_null(strstr(error.message, words));
  assert_null(plan);
  tw_graph_free(net->graph);
}

static void a_plan_needs_sensible_threads(void **state) {
  (void)state;
  net net;
  make_net(&net);
  tw_plan *plan = NULL;
  assert_int_equal(tw_plan_create(net.graph, 0, &plan, NULL), TW_E_ARGUMENT);
  assert_int_equal(tw_plan_create(net.graph, TW_MAX_THREADS + 1, &plan, NULL), TW_E_ARGUMENT);
  assert_null(plan);
  tw_graph_free(net.graph);
}

static void other_types_are_refused(void **state) {
  (void)state;
  net net;
  net_init(&net, 1);
  tw_attributes cast = {.to = TW_DTYPE_F16};
  net_output(&net, NODE(&net, TW_OP_CAST, &cast, net_input(&net, SHAPE(1, 4))));
  assert_refused(&net, TW_E_UNSUPPORTED, "node 'n0' (Cast)");
}

static void a_batch_norm_by_itself_is_refused(void **state) {
  (void)state;
  net net;
  net_init(&net, 1);
  tw_value *x = net_input(&net, SHAPE(1, 4, 2, 2));
  tw_value *c = net_constant(&net, SHAPE(4));
  net_output(&net, NODE(&net, TW_OP_BATCH_NORM, NULL, x, c, c, c, c));
  assert_refused(&net, TW_E_UNSUPPORTED, "node 'n1' (BatchNormalization)");
}

static void two_inputs_are_refused(void **state) {
  (void)state;
  net net;
  net_init(&net, 1);
  tw_value *x = net_input(&net, SHAPE(1, 4));
  tw_shape shape = SHAPE(1, 4);
  tw_value *other;
  assert_int_equal(tw_graph_add_input(net.graph, "other", TW_DTYPE_F32, &shape, &other, NULL), TW_OK);
  net_output(&net, NODE(&net, TW_OP_ADD, NULL, x, other));
  assert_refused(&net, TW_E_UNSUPPORTED, "2 inputs");
}

/* Shapes whose tensors are within their own limit, but whose session is not: refused without asking for the memory. */
static void gigantic_sessions_are_refused(void **state) {
  (void)state;
  net net;
  net_init(&net, 1);
  tw_value *x = net_input(&net, SHAPE(1, 1, 16384, 16384));
  tw_value *all[3];
  for (int i = 0; i < 3; i++) {
    tw_attributes clip = {.low = 0, .high = (float)i};
    all[i] = NODE(&net, TW_OP_CLIP, &clip, x);
    net_output(&net, all[i]);
  }
  assert_refused(&net, TW_E_LIMIT, "working memory");
}

static void gigantic_windows_are_refused(void **state) {
  (void)state;
  net net;
  net_init(&net, 1);
  tw_attributes attributes = {.spatial = 2,
                              .kernel = {100000, 1},
                              .strides = {1, 1},
                              .dilations = {1, 1},
                              .pads_begin = {99999, 0},
                              .pads_end = {0, 0}};
  net_output(&net, NODE(&net, TW_OP_MAX_POOL, &attributes, net_input(&net, SHAPE(1, 1, 4, 4))));
  assert_refused(&net, TW_E_LIMIT, "window");
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(lifetimes_never_overlap),
                                     cmocka_unit_test(lifetimes_reuse_what_is_free),
                                     cmocka_unit_test(lifetimes_place_the_largest_first),
                                     cmocka_unit_test(lifetimes_have_a_limit),
                                     cmocka_unit_test(a_plan_describes_itself),
                                     cmocka_unit_test(outputs_may_be_anything),
                                     cmocka_unit_test(results_do_not_depend_on_what_ran_before),
                                     cmocka_unit_test(a_run_allocates_nothing),
                                     cmocka_unit_test(the_calling_thread_stays_as_it_was),
                                     cmocka_unit_test(profiles_add_up),
                                     cmocka_unit_test(threads_share_a_plan),
                                     cmocka_unit_test(every_allocation_may_fail),
                                     cmocka_unit_test(a_plan_needs_sensible_threads),
                                     cmocka_unit_test(other_types_are_refused),
                                     cmocka_unit_test(a_batch_norm_by_itself_is_refused),
                                     cmocka_unit_test(two_inputs_are_refused),
                                     cmocka_unit_test(gigantic_sessions_are_refused),
                                     cmocka_unit_test(gigantic_windows_are_refused)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
