/* What int8 needs to know of a network: not made yet. */
#include "engine/engine.h"

struct tw_quantised {
  tw_hash hash;
  tw_fidelity fidelity;
};

static tw_status not_yet(tw_error *error) {
  return tw_error_set(error, TW_E_UNSUPPORTED, "the engine does not compute in int8 yet");
}

tw_status tw_quantise(const tw_graph *graph, const tw_sample *sample, int threads, tw_ticker *ticker,
                      tw_quantised **ret_quantised, tw_error *error) {
  (void)graph, (void)sample, (void)threads, (void)ticker, (void)ret_quantised;
  return not_yet(error);
}

void tw_quantised_free(tw_quantised *quantised) {
  tw_free(quantised);
}

tw_fidelity tw_quantised_fidelity(const tw_quantised *quantised) {
  return quantised->fidelity;
}

size_t tw_quantised_nodes(const tw_quantised *quantised, size_t *ret_wide) {
  (void)quantised;
  *ret_wide = 0;
  return 0;
}

const tw_hash *tw_quantised_hash(const tw_quantised *quantised) {
  return &quantised->hash;
}

tw_status tw_quantised_write(const tw_quantised *quantised, tw_buffer *buffer, tw_error *error) {
  (void)quantised, (void)buffer;
  return not_yet(error);
}

tw_status tw_quantised_read(tw_bytes bytes, tw_quantised **ret_quantised, tw_error *error) {
  (void)bytes, (void)ret_quantised;
  return not_yet(error);
}

tw_status tw_engine_fidelity(const tw_graph *graph, tw_precision precision, const tw_quantised *quantised,
                             const tw_sample *sample, int threads, tw_fidelity *ret_fidelity, tw_error *error) {
  (void)graph, (void)precision, (void)quantised, (void)sample, (void)threads, (void)ret_fidelity;
  return not_yet(error);
}
