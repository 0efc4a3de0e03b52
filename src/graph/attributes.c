/* Attributes in their one normal form, so that two nodes which do the same compare and hash alike. */
#include <string.h>

#include "graph/internal.h"

static void default_to_one(int64_t *numbers, int count) {
  for (int i = 0; i < count; i++) {
    if (numbers[i] == 0) {
      numbers[i] = 1;
    }
  }
}

static void normalise_window(const tw_node *node, const tw_attributes *given, tw_attributes *ret) {
  const tw_value *x = node->input_count > 0 ? node->inputs[0] : NULL;
  int spatial = given->spatial;
  if (spatial == 0 && x != NULL) {
    spatial = x->shape.rank - 2;
  }
  if (spatial < 1 || spatial > TW_MAX_SPATIAL) {
    ret->spatial = spatial;
    return;
  }
  size_t bytes = (size_t)spatial * sizeof(int64_t);
  ret->spatial = spatial;
  memcpy(ret->kernel, given->kernel, bytes);
  memcpy(ret->strides, given->strides, bytes);
  memcpy(ret->dilations, given->dilations, bytes);
  memcpy(ret->pads_begin, given->pads_begin, bytes);
  memcpy(ret->pads_end, given->pads_end, bytes);
  default_to_one(ret->strides, spatial);
  default_to_one(ret->dilations, spatial);
  const tw_value *weights = node->op == TW_OP_CONV && node->input_count > 1 ? node->inputs[1] : NULL;
  if (weights != NULL && weights->shape.rank == spatial + 2) {
    for (int i = 0; i < spatial; i++) {
      ret->kernel[i] = ret->kernel[i] == 0 ? weights->shape.dims[i + 2] : ret->kernel[i];
    }
  }
}

static void normalise_activation(const tw_attributes *given, tw_attributes *ret) {
  ret->activation = given->activation;
  if (given->activation == TW_ACTIVATION_CLIP) {
    ret->low = given->low;
    ret->high = given->high;
  }
}

/* Zeros that are meant as such are told apart only where there are any. */
static void normalise_target(const tw_attributes *given, tw_attributes *ret) {
  ret->target_rank = given->target_rank;
  for (int i = 0; i < given->target_rank && i < TW_MAX_RANK; i++) {
    ret->target[i] = given->target[i];
    ret->allow_zero = ret->allow_zero || (given->allow_zero && given->target[i] == 0);
  }
}

void tw_attributes_normalise(tw_node *node) {
  const tw_attributes given = node->attributes;
  tw_attributes own = {0};
  switch (node->op) {
    case TW_OP_CONV:
      normalise_window(node, &given, &own);
      own.group = given.group == 0 ? 1 : given.group;
      normalise_activation(&given, &own);
      break;
    case TW_OP_BATCH_NORM: own.epsilon = given.epsilon; break;
    case TW_OP_CLIP:
      own.low = given.low;
      own.high = given.high;
      break;
    case TW_OP_ADD: normalise_activation(&given, &own); break;
    case TW_OP_AVERAGE_POOL:
      own.count_include_pad = given.count_include_pad;
      normalise_window(node, &given, &own);
      own.ceil_mode = given.ceil_mode;
      break;
    case TW_OP_MAX_POOL:
      normalise_window(node, &given, &own);
      own.ceil_mode = given.ceil_mode;
      break;
    case TW_OP_CONCAT:
    case TW_OP_FLATTEN: own.axis = given.axis; break;
    case TW_OP_RESHAPE: normalise_target(&given, &own); break;
    case TW_OP_TRANSPOSE:
      own.target_rank = given.target_rank;
      for (int i = 0; i < given.target_rank && i < TW_MAX_RANK; i++) {
        own.target[i] = given.target[i];
      }
      break;
    case TW_OP_GEMM:
      own.alpha = given.alpha;
      own.beta = node->input_count > 2 ? given.beta : 0; /* of an addend */
      own.transpose_a = given.transpose_a;
      own.transpose_b = given.transpose_b;
      normalise_activation(&given, &own);
      break;
    case TW_OP_SOFTMAX:
      own.axis = given.axis;
      own.flat_softmax = given.flat_softmax && node->input_count > 0 && node->inputs[0] != NULL &&
                         given.axis + 1 < node->inputs[0]->shape.rank;
      break;
    case TW_OP_CAST: own.to = given.to; break;
    case TW_OP_RELU:
    case TW_OP_MUL:
    case TW_OP_SUB:
    case TW_OP_GLOBAL_AVERAGE_POOL:
    case TW_OP_MATMUL:
    case TW_OP_IDENTITY:
    case TW_OP_COUNT: break;
  }
  node->attributes = own;
}

static uint64_t float_bits(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

static uint64_t *put(uint64_t *at, const int64_t *numbers, int count) {
  for (int i = 0; i < count; i++) {
    *at++ = (uint64_t)numbers[i];
  }
  return at;
}

void tw_attributes_numbers(const tw_attributes *attributes, uint64_t ret_numbers[TW_ATTRIBUTE_NUMBERS]) {
  uint64_t *at = ret_numbers;
  *at++ = (uint64_t)attributes->spatial;
  at = put(at, attributes->kernel, TW_MAX_SPATIAL);
  at = put(at, attributes->strides, TW_MAX_SPATIAL);
  at = put(at, attributes->dilations, TW_MAX_SPATIAL);
  at = put(at, attributes->pads_begin, TW_MAX_SPATIAL);
  at = put(at, attributes->pads_end, TW_MAX_SPATIAL);
  *at++ = (uint64_t)attributes->group;
  *at++ = attributes->count_include_pad;
  *at++ = attributes->ceil_mode;
  *at++ = float_bits(attributes->epsilon);
  *at++ = float_bits(attributes->low);
  *at++ = float_bits(attributes->high);
  *at++ = (uint64_t)attributes->axis;
  *at++ = float_bits(attributes->alpha);
  *at++ = float_bits(attributes->beta);
  *at++ = attributes->transpose_a;
  *at++ = attributes->transpose_b;
  at = put(at, attributes->target, TW_MAX_RANK);
  *at++ = (uint64_t)attributes->target_rank;
  *at++ = attributes->allow_zero;
  *at++ = attributes->flat_softmax;
  *at++ = (uint64_t)attributes->activation;
  *at++ = (uint64_t)attributes->to;
}
