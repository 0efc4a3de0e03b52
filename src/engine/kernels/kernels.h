/* Kernels of our own, for where the kernel library leaves something to be gained. They know nothing of that library, of
 * graphs or of plans: sizes and pointers come in, numbers go out. Nothing here allocates while it runs.
 *
 * All of it is for the layouts nChw8c and nChw16c: channels in blocks of as many as a vector has lanes, the last block
 * padded with zeros; a block is a picture of height x width x lanes. That is what the kernel library uses with AVX2 and
 * AVX-512. Every digit depends on the sizes alone, not on the number of threads. */
#ifndef TW_ENGINE_KERNELS_H
#define TW_ENGINE_KERNELS_H

#include "base/base.h"

/* Part of the engine's identity: another text, other bits. */
#define TW_KERNELS_VERSION "1"

/* Whether this processor has what the kernels for blocks of that many channels are written in: 8: AVX2 and FMA, 16:
 * AVX-512F; false for other numbers. */
bool tw_kernels_possible(size_t lanes);

/* run(context, part, parts) for each part 0 .. parts - 1, parts <= threads, on libgomp's threads, which are the kernel
 * library's own; with one thread on the caller's alone. */
typedef void (*tw_kernel_part)(const void *context, size_t part, size_t parts);
void tw_kernels_parallel(int threads, tw_kernel_part run, const void *context);

/* ---- Convolution by Winograd's algorithms ------------------------------------------------------------------------ */

/* A two-dimensional convolution with stride 1, no dilation, one group; height before width. */
typedef struct tw_kernel_conv {
  size_t lanes;    /* 8 or 16: channels of a block */
  size_t channels; /* of the source */
  size_t results;  /* channels of the result */
  size_t kernel[2];
  size_t source[2]; /* height and width */
  size_t result[2];
  size_t pads[2];  /* before: above and to the left; what the result needs behind is zeros, too */
  float low, high; /* bounds of the result, -INFINITY and INFINITY without; low <= 0 <= high */
} tw_kernel_conv;

/* The most points of one direction: results + taps - 1, even. One of them is infinity, one 0, the others pairs +-a. */
enum { TW_WINOGRAD_PAIRS = 4, TW_WINOGRAD_POINTS = 2 * TW_WINOGRAD_PAIRS + 2, TW_WINOGRAD_RESULTS = 4 };

/* One direction: F(results, taps) with these points. taps = 1: nothing to transform, one point. */
typedef struct tw_winograd_axis {
  size_t taps;
  size_t results; /* of a tile */
  size_t pairs;   /* points: 2 * pairs + 2 */
  size_t points;
  float pair[TW_WINOGRAD_PAIRS];                             /* a */
  float powers[TW_WINOGRAD_PAIRS][TW_WINOGRAD_RESULTS];      /* a^j */
  float all[TW_WINOGRAD_PAIRS + 1];                          /* of prod (x^2 - a^2), lowest first */
  float others[TW_WINOGRAD_PAIRS][TW_WINOGRAD_PAIRS];        /* the same without the pair */
  double weights[TW_WINOGRAD_POINTS][2 * TW_WINOGRAD_PAIRS]; /* G: points x taps */
} tw_winograd_axis;

/* How a convolution is done; plain data. */
typedef struct tw_winograd {
  tw_kernel_conv conv;
  const char *name; /* "winograd 4x4,3x3"; static */
  tw_winograd_axis axis[2];
  size_t points;   /* of both directions */
  size_t channels; /* padded to whole blocks, as are results */
  size_t results;
  size_t tiles[2];
  size_t block; /* tiles that one thread works on at a time */
} tw_winograd;

/* The algorithm that costs least, or false when the direct one does: by the shape alone, never by timing; the rule is
 * beside it in winograd.c. */
bool tw_winograd_choose(const tw_kernel_conv *conv, tw_winograd *ret_winograd);
/* All that there are for this convolution, whether they pay or not; returns their number. */
enum { TW_WINOGRAD_FORMS = 2 };
size_t tw_winograd_describe(const tw_kernel_conv *conv, tw_winograd ret_winograds[TW_WINOGRAD_FORMS]);

size_t tw_winograd_packed_bytes(const tw_winograd *winograd);
size_t tw_winograd_scratch_bytes(const tw_winograd *winograd, int threads);
/* weights: floats, not necessarily aligned, element (result, channel, y, x) at the sum of index * stride. ret_packed:
 * tw_winograd_packed_bytes, 64-byte aligned. */
void tw_winograd_pack(const tw_winograd *winograd, const void *weights, const size_t strides[4], float *ret_packed);
/* source, ret_result: in blocks of conv.lanes channels, those beyond the counted ones are 0 in both; scratch: for at
 * least `threads`; these and `packed` 64-byte aligned. bias: conv.results floats, or NULL. Only where
 * tw_kernels_possible. */
void tw_winograd_run(const tw_winograd *winograd, const float *source, const float *packed, const float *bias,
                     float *ret_result, float *scratch, int threads);

/* ---- Pools ------------------------------------------------------------------------------------------------------- */

typedef struct tw_kernel_pool {
  size_t lanes;       /* 8 or 16 */
  bool average;       /* or the maximum */
  bool count_padding; /* average: in the divisor */
  size_t channels;
  size_t kernel[2]; /* height before width */
  size_t strides[2];
  size_t source[2];
  size_t result[2];
  size_t pads[2]; /* before; here and behind less than the kernel, so that every window has something of the picture */
} tw_kernel_pool;

size_t tw_kernel_pool_scratch_bytes(const tw_kernel_pool *pool, int threads);
/* As tw_winograd_run. */
void tw_kernel_pool_run(const tw_kernel_pool *pool, const float *source, float *ret_result, float *scratch,
                        int threads);

#endif
