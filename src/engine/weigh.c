/* The weights of one convolution in 8 bits.
 *
 * The idea: weights take in the scales of what they meet, channel by channel, so that branches of a join may differ.
 * Then each channel of the result has the largest step that saturates nowhere: processors without VNNI add the products
 * of two neighbours (255 at most, times the weights) in 16 bits, our own kernels those of four
 * (engine/kernels/conv_bytes.h). So the weights that meet, and what rounding adds to them, have to stay within 128
 * together, those of each sign by themselves. Where channels do not come in eights, two meet; where they do not come in
 * fours, which ones is up to the library, and each weight stays within 64; where channels do not meet at all, within
 * 127.
 *
 * What rounding shifts in the mean of a result, its bias takes back (Nagel et al., Data-Free Quantization Through
 * Weight Equalization and Bias Correction, 2019, section 4.2, with measured means). */
#include "engine/weigh.h"

#include <math.h>
#include <string.h>

#include "engine/kernels/conv_bytes.h"
#include "engine/rounding.h"

enum { LARGEST_ALONE = 127, LARGEST_QUAD = TW_BYTES_MOST - 3, LARGEST_PAIR = 127, LARGEST_OF_ANY_PAIR = 64 };

typedef struct weighing {
  const tw_node *node;
  tw_quantised_node *to;
  int8_t *bytes; /* to->weights, while they are made */
  float *floats; /* the constant that holds the node's weights, and the order they have there */
  size_t strides[TW_MAX_RANK];
  const float *scales; /* of the channels read */
  double *means;       /* of the channels read, in their bytes */
  double *weights;     /* of one channel of the result: inputs x kernel */
  size_t inputs;       /* of a group */
  size_t height;       /* of the kernel */
  size_t width;
} weighing;

/* Not aligned. */
static double load(const void *floats, size_t i) {
  float value;
  memcpy(&value, (const uint8_t *)floats + i * sizeof value, sizeof value);
  return (double)value;
}

static tw_status load_channel(const weighing *w, size_t channel, size_t first_input, tw_error *error) {
  double *to = w->weights;
  for (size_t i = 0; i < w->inputs; i++) {
    double scale = (double)w->scales[first_input + i];
    for (size_t y = 0; y < w->height; y++) {
      for (size_t x = 0; x < w->width; x++) {
        *to = scale *
              (double)w->floats[channel * w->strides[0] + i * w->strides[1] + y * w->strides[2] + x * w->strides[3]];
        if (!isfinite(*to++)) {
          return tw_error_set(error, TW_E_DATA, "node '%s': its weights are not all finite", w->node->name);
        }
      }
    }
  }
  return TW_OK;
}

static double largest_of(const double *weights, size_t count) {
  double largest = 0;
  for (size_t i = 0; i < count; i++) {
    largest = fabs(weights[i]) > largest ? fabs(weights[i]) : largest;
  }
  return largest;
}

/* The largest magnitude of the sum of two inputs that meet. */
static double largest_pair(const weighing *w) {
  size_t kernel = w->height * w->width;
  double largest = 0;
  for (size_t i = 0; i < w->inputs; i += 2) {
    const double *first = w->weights + i * kernel;
    for (size_t k = 0; k < kernel; k++) {
      double sum = fabs(first[k] + first[kernel + k]);
      largest = sum > largest ? sum : largest;
    }
  }
  return largest;
}

/* Of one quad at one tap, the sum of the weights of one sign or of the other, whichever is larger. */
static double sum_of_quad(const double *group, size_t quad, size_t kernel) {
  double sums[2] = {0, 0};
  for (size_t i = 0; i < 4; i++) {
    double weight = group[tw_byte_quad_input(quad, i) * kernel];
    sums[weight < 0] += fabs(weight);
  }
  return fmax(sums[0], sums[1]);
}

/* The largest such sum of inputs that meet in fours. */
static double largest_quad(const weighing *w) {
  size_t kernel = w->height * w->width;
  double largest = 0;
  for (size_t i = 0; i < w->inputs; i += TW_BYTES_GROUP) {
    for (size_t k = 0; k < kernel; k++) {
      const double *group = w->weights + i * kernel + k;
      largest = fmax(largest, fmax(sum_of_quad(group, 0, kernel), sum_of_quad(group, 1, kernel)));
    }
  }
  return largest;
}

static float step_of(const weighing *w) {
  double largest = largest_of(w->weights, w->inputs * w->height * w->width);
  double step = largest / LARGEST_ALONE;
  if (!tw_flow_is_depthwise(w->node)) {
    double together = w->inputs % TW_BYTES_GROUP == 0 ? largest_quad(w) / LARGEST_QUAD
                      : w->inputs % 4 == 0            ? largest_pair(w) / LARGEST_PAIR
                                                      : largest / LARGEST_OF_ANY_PAIR;
    step = together > step ? together : step;
  }
  return isnormal((float)step) ? (float)step : 1;
}

static tw_status weigh_channel(const weighing *w, size_t channel, tw_error *error) {
  const tw_node *node = w->node;
  size_t kernel = w->height * w->width;
  size_t first_input = channel / (w->to->channels / (size_t)node->attributes.group) * w->inputs;
  const double *means = w->means + first_input;
  TW_TRY(load_channel(w, channel, first_input, error));
  float step = step_of(w);
  for (size_t i = 0; i < w->inputs * kernel; i++) {
    w->weights[i] /= (double)step;
  }
  tw_round_weights(w->weights, w->inputs, kernel, w->bytes + channel * w->inputs * kernel);
  double bias = node->input_count > 2 && node->inputs[2] != NULL ? load(node->inputs[2]->data, channel) : 0;
  for (size_t i = 0; i < w->inputs * kernel; i++) {
    bias -= w->weights[i] * (double)step * means[i / kernel];
  }
  if (!isfinite((float)bias)) {
    return tw_error_set(error, TW_E_DATA, "node '%s': its biases are not all finite", node->name);
  }
  w->to->scales[channel] = step;
  w->to->biases[channel] = (float)bias;
  return TW_OK;
}

static tw_status prepare(weighing *w, const double *means, tw_arena *arena, tw_error *error) {
  const tw_shape *shape = &w->node->inputs[1]->shape;
  tw_quantised_node *to = w->to;
  size_t read = (size_t)w->node->inputs[0]->shape.dims[1];
  w->inputs = (size_t)shape->dims[1];
  w->height = (size_t)shape->dims[2];
  w->width = (size_t)shape->dims[3];
  const tw_value *constant = tw_flow_weights(w->node->inputs[1], w->strides);
  tw_shape_count(shape, &to->size);
  to->channels = (size_t)shape->dims[0];
  to->scales = tw_arena_alloc(arena, to->channels, sizeof(float));
  to->biases = tw_arena_alloc(arena, to->channels, sizeof(float));
  w->bytes = tw_arena_alloc(arena, to->size, 1);
  to->weights = w->bytes;
  w->weights = tw_alloc(w->inputs * w->height * w->width, sizeof(double));
  w->means = tw_alloc(read, sizeof(double));
  w->floats = tw_alloc(to->size, sizeof(float));
  if (w->floats == NULL || to->scales == NULL || to->biases == NULL || w->bytes == NULL || w->weights == NULL ||
      w->means == NULL) {
    return tw_error_memory(error);
  }
  tw_constant_floats(constant, w->floats);
  for (size_t i = 0; i < read; i++) {
    w->means[i] = means[i] / (double)w->scales[i];
  }
  return TW_OK;
}

tw_status tw_weigh(const tw_node *graph_node, const float *scales, const double *means, tw_arena *arena,
                   tw_quantised_node *node, tw_error *error) {
  weighing w = {.node = graph_node, .to = node, .scales = scales};
  tw_status status = prepare(&w, means, arena, error);
  for (size_t i = 0; status == TW_OK && i < node->channels; i++) {
    status = weigh_channel(&w, i, error);
  }
  tw_free(w.weights);
  tw_free(w.means);
  tw_free(w.floats);
  return status != TW_OK ? status : tw_quantised_fingerprint(graph_node, &node->fingerprint, error);
}
