/* The bytes of a tw_quantised.
 *
 * Little-endian: a header, a record for each node with weights, one for each source, then for each node that is not
 * wide its scales, its biases and its weights, without gaps; XXH3-128 of all that at the end. Reading checks the hash
 * first, and then trusts no number all the same: who writes a file can write its hash, too. */
#include <math.h>
#include <string.h>

#include "engine/quantised.h"

#define MAGIC "TWINT8\n" /* with its NUL: 8 bytes */
enum { HEADER = 56, NODE = 48, SOURCE = 16 };
#define INPUT UINT32_MAX /* TW_FLOW_INPUT in the file */

/* ---- Writing ----------------------------------------------------------------------------------------------------- */

static void put_u32(tw_buffer *buffer, uint32_t value) {
  const uint8_t bytes[] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16), (uint8_t)(value >> 24)};
  tw_buffer_append(buffer, bytes, sizeof bytes);
}

static void put_u64(tw_buffer *buffer, uint64_t value) {
  put_u32(buffer, (uint32_t)value);
  put_u32(buffer, (uint32_t)(value >> 32));
}

static void put_f32(tw_buffer *buffer, float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  put_u32(buffer, bits);
}

static void put_f64(tw_buffer *buffer, double value) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  put_u64(buffer, bits);
}

static void put_header(tw_buffer *buffer, const tw_quantised *quantised) {
  tw_buffer_append(buffer, MAGIC, 8);
  put_u32(buffer, TW_QUANTISED_FORMAT);
  put_u32(buffer, (uint32_t)quantised->graph_nodes);
  put_u32(buffer, (uint32_t)quantised->node_count);
  put_u32(buffer, (uint32_t)quantised->source_count);
  put_u64(buffer, quantised->fidelity.pictures);
  put_f64(buffer, quantised->fidelity.mean);
  put_f64(buffer, quantised->fidelity.worst);
  put_u64(buffer, 0);
}

static void put_node(tw_buffer *buffer, const tw_quantised_node *node) {
  put_u32(buffer, (uint32_t)node->index);
  put_u32(buffer, node->wide ? 1 : 0);
  put_u64(buffer, node->wide ? 0 : node->channels);
  put_u64(buffer, node->wide ? 0 : node->size);
  put_u64(buffer, 0);
  tw_buffer_append(buffer, node->fingerprint.bytes, sizeof node->fingerprint.bytes);
}

static void put_source(tw_buffer *buffer, const tw_quantised_source *source) {
  put_u32(buffer, source->producer == TW_FLOW_INPUT ? INPUT : (uint32_t)source->producer);
  put_f32(buffer, source->scale);
  put_u32(buffer, source->zero);
  put_u32(buffer, 0);
}

static void put_weights(tw_buffer *buffer, const tw_quantised_node *node) {
  for (size_t i = 0; i < node->channels; i++) {
    put_f32(buffer, node->scales[i]);
  }
  for (size_t i = 0; i < node->channels; i++) {
    put_f32(buffer, node->biases[i]);
  }
  tw_buffer_append(buffer, node->weights, node->size);
}

tw_status tw_quantised_write(const tw_quantised *quantised, tw_buffer *buffer, tw_error *error) {
  size_t begin = buffer->size;
  put_header(buffer, quantised);
  for (size_t i = 0; i < quantised->node_count; i++) {
    put_node(buffer, &quantised->nodes[i]);
  }
  for (size_t i = 0; i < quantised->source_count; i++) {
    put_source(buffer, &quantised->sources[i]);
  }
  for (size_t i = 0; i < quantised->node_count; i++) {
    if (!quantised->nodes[i].wide) {
      put_weights(buffer, &quantised->nodes[i]);
    }
  }
  TW_TRY(tw_buffer_status(buffer, error));
  const tw_hash hash = tw_hash_of(buffer->data + begin, buffer->size - begin);
  tw_buffer_append(buffer, hash.bytes, sizeof hash.bytes); /* which tw_quantised_hash says, too */
  return tw_buffer_status(buffer, error);
}

/* ---- Reading ----------------------------------------------------------------------------------------------------- */

static tw_status damaged(tw_error *error, const char *what) {
  return tw_error_set(error, TW_E_FORMAT, "the calibration is damaged (%s); calibrate again", what);
}

/* `size` bytes from the front; false when there are not so many. */
static bool take(tw_bytes *bytes, size_t size, const uint8_t **ret) {
  if (bytes->size < size) {
    return false;
  }
  *ret = bytes->data;
  bytes->data += size;
  bytes->size -= size;
  return true;
}

static float get_f32(const uint8_t *bytes) {
  uint32_t bits = tw_load_u32(bytes);
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static double get_f64(const uint8_t *bytes) {
  uint64_t bits = tw_load_u64(bytes);
  double value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static bool is_scale(float scale) {
  return isnormal(scale) && scale > 0;
}

static tw_status get_header(tw_quantised *quantised, tw_bytes *bytes, tw_error *error) {
  const uint8_t *at;
  if (!take(bytes, HEADER, &at) || memcmp(at, MAGIC, 8) != 0) {
    return tw_error_set(error, TW_E_FORMAT, "this is no calibration");
  }
  if (tw_load_u32(at + 8) != TW_QUANTISED_FORMAT) {
    return tw_error_set(error, TW_E_FORMAT, "the calibration is of version %u, this program reads %d; calibrate again",
                        (unsigned)tw_load_u32(at + 8), (int)TW_QUANTISED_FORMAT);
  }
  quantised->graph_nodes = tw_load_u32(at + 12);
  quantised->node_count = tw_load_u32(at + 16);
  quantised->source_count = tw_load_u32(at + 20);
  uint64_t pictures = tw_load_u64(at + 24);
  quantised->fidelity = (tw_fidelity){(size_t)pictures, get_f64(at + 32), get_f64(at + 40)};
  bool fine = quantised->graph_nodes <= TW_MAX_NODES && quantised->node_count <= quantised->graph_nodes &&
              quantised->source_count <= quantised->graph_nodes + 1 && pictures <= UINT32_MAX &&
              fabs(quantised->fidelity.mean) <= 1 && fabs(quantised->fidelity.worst) <= 1 && tw_load_u64(at + 48) == 0;
  return fine ? TW_OK : damaged(error, "header");
}

static tw_status get_node(const tw_quantised *quantised, tw_bytes *bytes, size_t i, tw_error *error) {
  const uint8_t *at;
  if (!take(bytes, NODE, &at)) {
    return damaged(error, "it ends too early");
  }
  tw_quantised_node *node = &quantised->nodes[i];
  uint64_t channels = tw_load_u64(at + 8);
  uint64_t size = tw_load_u64(at + 16);
  *node = (tw_quantised_node){
      .index = tw_load_u32(at), .wide = tw_load_u32(at + 4) == 1, .channels = (size_t)channels, .size = (size_t)size};
  memcpy(node->fingerprint.bytes, at + 32, sizeof node->fingerprint.bytes);
  bool ordered = node->index < quantised->graph_nodes && (i == 0 || node[-1].index < node->index);
  bool sized = node->wide ? channels == 0 && size == 0
                          : channels > 0 && channels <= size && size <= bytes->size && size % channels == 0;
  return ordered && sized && tw_load_u32(at + 4) <= 1 && tw_load_u64(at + 24) == 0 ? TW_OK : damaged(error, "a node");
}

static tw_status get_source(const tw_quantised *quantised, tw_bytes *bytes, size_t i, tw_error *error) {
  const uint8_t *at;
  if (!take(bytes, SOURCE, &at)) {
    return damaged(error, "it ends too early");
  }
  tw_quantised_source *source = &quantised->sources[i];
  uint32_t producer = tw_load_u32(at);
  uint32_t zero = tw_load_u32(at + 8);
  *source =
      (tw_quantised_source){producer == INPUT ? TW_FLOW_INPUT : producer, get_f32(at + 4), (uint8_t)(zero & 0xff)};
  bool ordered =
      (producer == INPUT || producer < quantised->graph_nodes) && (i == 0 || source[-1].producer < source->producer);
  return ordered && is_scale(source->scale) && zero <= UINT8_MAX && tw_load_u32(at + 12) == 0
             ? TW_OK
             : damaged(error, "a scale");
}

static tw_status get_weights(const tw_quantised *quantised, tw_quantised_node *node, tw_bytes *bytes, tw_error *error) {
  const uint8_t *scales;
  const uint8_t *biases;
  const uint8_t *weights;
  size_t floats;
  if (!tw_mul_size(node->channels, sizeof(float), &floats) || !take(bytes, floats, &scales) ||
      !take(bytes, floats, &biases) || !take(bytes, node->size, &weights)) {
    return damaged(error, "it ends too early");
  }
  node->scales = tw_arena_alloc(quantised->arena, node->channels, sizeof(float));
  node->biases = tw_arena_alloc(quantised->arena, node->channels, sizeof(float));
  if (node->scales == NULL || node->biases == NULL) {
    return tw_error_memory(error);
  }
  node->weights = (const int8_t *)weights;
  for (size_t i = 0; i < node->channels; i++) {
    node->scales[i] = get_f32(scales + i * sizeof(float));
    node->biases[i] = get_f32(biases + i * sizeof(float));
    if (!is_scale(node->scales[i]) || !isfinite(node->biases[i])) {
      return damaged(error, "weights");
    }
  }
  return TW_OK;
}

static tw_status read_all(tw_quantised *quantised, tw_bytes bytes, tw_error *error) {
  TW_TRY(get_header(quantised, &bytes, error));
  if (quantised->node_count > bytes.size / NODE || quantised->source_count > bytes.size / SOURCE) {
    return damaged(error, "it ends too early");
  }
  quantised->nodes = tw_arena_alloc(quantised->arena, quantised->node_count, sizeof *quantised->nodes);
  quantised->sources = tw_arena_alloc(quantised->arena, quantised->source_count, sizeof *quantised->sources);
  if (quantised->nodes == NULL || quantised->sources == NULL) {
    return tw_error_memory(error);
  }
  for (size_t i = 0; i < quantised->node_count; i++) {
    TW_TRY(get_node(quantised, &bytes, i, error));
  }
  for (size_t i = 0; i < quantised->source_count; i++) {
    TW_TRY(get_source(quantised, &bytes, i, error));
  }
  for (size_t i = 0; i < quantised->node_count; i++) {
    if (!quantised->nodes[i].wide) {
      TW_TRY(get_weights(quantised, &quantised->nodes[i], &bytes, error));
    }
  }
  return bytes.size == 0 ? TW_OK : damaged(error, "something follows its end");
}

tw_status tw_quantised_read(tw_bytes bytes, tw_quantised **ret_quantised, tw_error *error) {
  tw_hash hash;
  if (bytes.size < HEADER + sizeof hash.bytes || memcmp(bytes.data, MAGIC, 8) != 0) {
    return tw_error_set(error, TW_E_FORMAT, "this is no calibration");
  }
  const tw_bytes content = {bytes.data, bytes.size - sizeof hash.bytes};
  memcpy(hash.bytes, bytes.data + content.size, sizeof hash.bytes);
  const tw_hash own = tw_hash_of(content.data, content.size);
  if (tw_hash_compare(&own, &hash) != 0) {
    return damaged(error, "its hash does not match");
  }
  tw_quantised *quantised = tw_quantised_create();
  if (quantised == NULL) {
    return tw_error_memory(error);
  }
  quantised->hash = hash;
  tw_status status = read_all(quantised, content, error);
  if (status != TW_OK) {
    tw_quantised_free(quantised);
    return status;
  }
  *ret_quantised = quantised;
  return TW_OK;
}
