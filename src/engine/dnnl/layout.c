/* Memory descriptors: making them, comparing them, naming them. Knows nothing of plans.
 *
 * The idea: a layout is a nest of loops, from the largest stride to the smallest. Two descriptors that spell the same
 * nest (loops of extent 1 left out, neighbours that run on merged) put every element at the same offset, whatever they
 * are called: nChw8c of 1 x 16 x 1 x 1 is row-major. */
#include <stdio.h>
#include <string.h>

#include "engine/dnnl/internal.h"

enum { MAX_LOOPS = 2 * DNNL_MAX_NDIMS };

typedef struct loop {
  int dim;
  int64_t extent;
  int64_t stride;
} loop;

static dnnl_memory_desc_t zeroed(void) {
  dnnl_memory_desc_t desc;
  memset(&desc, 0, sizeof desc);
  return desc;
}

static tw_shape at_least_one_dim(const tw_shape *shape) {
  tw_shape result = *shape;
  if (result.rank == 0) {
    result.rank = 1;
    result.dims[0] = 1;
  }
  return result;
}

/* The library's arrays are longer than ours. */
static void copy_dims(dnnl_dims_t dims, const int64_t *from, int count) {
  memset(dims, 0, sizeof(dnnl_dims_t));
  memcpy(dims, from, (size_t)count * sizeof from[0]);
}

dnnl_memory_desc_t tw_layout_strided(const tw_shape *shape, const int64_t *strides) {
  dnnl_memory_desc_t desc = zeroed();
  dnnl_dims_t dims;
  dnnl_dims_t steps;
  copy_dims(dims, shape->dims, shape->rank);
  copy_dims(steps, strides, shape->rank);
  dnnl_memory_desc_init_by_strides(&desc, shape->rank, dims, dnnl_f32, steps);
  return desc;
}

dnnl_memory_desc_t tw_layout_plain(const tw_shape *shape) {
  tw_shape full = at_least_one_dim(shape);
  int64_t strides[TW_MAX_RANK];
  int64_t stride = 1;
  for (int i = full.rank - 1; i >= 0; i--) {
    strides[i] = stride;
    stride *= full.dims[i];
  }
  return tw_layout_strided(&full, strides);
}

static dnnl_memory_desc_t tagged(const tw_shape *shape, dnnl_data_type_t type, dnnl_format_tag_t tag) {
  dnnl_memory_desc_t desc = zeroed();
  dnnl_dims_t dims;
  copy_dims(dims, shape->dims, shape->rank);
  dnnl_memory_desc_init_by_tag(&desc, shape->rank, dims, type, tag);
  return desc;
}

dnnl_memory_desc_t tw_layout_any(const tw_shape *shape) {
  return tagged(shape, dnnl_f32, dnnl_format_tag_any);
}

dnnl_memory_desc_t tw_layout_typed(dnnl_memory_desc_t desc, dnnl_data_type_t type) {
  desc.data_type = type;
  return desc;
}

dnnl_memory_desc_t tw_layout_narrow(const tw_shape *shape) {
  return tagged(shape, dnnl_u8, dnnl_nhwc);
}

dnnl_memory_desc_t tw_layout_row(size_t bytes) {
  const tw_shape shape = {.rank = 1, .dims = {(int64_t)bytes}};
  return tw_layout_typed(tw_layout_plain(&shape), dnnl_s8);
}

bool tw_layout_is_narrow(const dnnl_memory_desc_t *desc) {
  return desc->data_type == dnnl_u8;
}

tw_shape tw_layout_shape(const dnnl_memory_desc_t *desc) {
  tw_shape shape = {.rank = desc->ndims};
  memcpy(shape.dims, desc->dims, (size_t)desc->ndims * sizeof shape.dims[0]);
  return shape;
}

size_t tw_layout_bytes(const dnnl_memory_desc_t *desc) {
  return dnnl_memory_desc_get_size(desc);
}

/* The product of the inner blocks of a dimension. */
static int64_t block_of(const dnnl_memory_desc_t *desc, int dim) {
  const dnnl_blocking_desc_t *blocking = &desc->format_desc.blocking;
  int64_t block = 1;
  for (int i = 0; i < blocking->inner_nblks; i++) {
    block *= blocking->inner_idxs[i] == dim ? blocking->inner_blks[i] : 1;
  }
  return block;
}

/* The dimensions by falling stride of their outer loops; where two are equal, the earlier first. */
static void order_of(const dnnl_memory_desc_t *desc, int order[DNNL_MAX_NDIMS]) {
  const int64_t *strides = desc->format_desc.blocking.strides;
  for (int i = 0; i < desc->ndims; i++) {
    int at = i;
    while (at > 0 && strides[order[at - 1]] < strides[i]) {
      order[at] = order[at - 1];
      at--;
    }
    order[at] = i;
  }
}

/* The nest, outermost first; returns the number of loops, or -1 when the layout is no plain nest of loops. */
static int loops_of(const dnnl_memory_desc_t *desc, loop loops[MAX_LOOPS]) {
  if (desc->format_kind != dnnl_blocked || desc->offset0 != 0 || desc->extra.flags != 0) {
    return -1;
  }
  const dnnl_blocking_desc_t *blocking = &desc->format_desc.blocking;
  loop all[MAX_LOOPS];
  int count = 0;
  int order[DNNL_MAX_NDIMS];
  order_of(desc, order);
  for (int i = 0; i < desc->ndims; i++) {
    int dim = order[i];
    all[count++] = (loop){dim, desc->padded_dims[dim] / block_of(desc, dim), blocking->strides[dim]};
  }
  int64_t stride = 1;
  for (int i = 0; i < blocking->inner_nblks; i++) {
    stride *= blocking->inner_blks[i];
  }
  for (int i = 0; i < blocking->inner_nblks; i++) {
    stride /= blocking->inner_blks[i];
    all[count++] = (loop){(int)blocking->inner_idxs[i], blocking->inner_blks[i], stride};
  }
  int kept = 0;
  for (int i = 0; i < count; i++) {
    loop *before = kept > 0 ? &loops[kept - 1] : NULL;
    if (all[i].extent == 1) {
      continue;
    }
    if (before != NULL && before->dim == all[i].dim && before->stride == all[i].extent * all[i].stride) {
      before->extent *= all[i].extent;
      before->stride = all[i].stride;
    } else {
      loops[kept++] = all[i];
    }
  }
  return kept;
}

bool tw_layout_is_plain(const dnnl_memory_desc_t *desc) {
  loop loops[MAX_LOOPS];
  int count = loops_of(desc, loops);
  if (count < 0) {
    return false;
  }
  int64_t stride = 1;
  for (int i = count - 1; i >= 0; i--) {
    bool padded = desc->padded_dims[loops[i].dim] != desc->dims[loops[i].dim];
    if (loops[i].stride != stride || (i > 0 && loops[i].dim <= loops[i - 1].dim) || (padded && i > 0)) {
      return false;
    }
    stride *= loops[i].extent;
  }
  return true;
}

bool tw_layout_is_padded(const dnnl_memory_desc_t *desc) {
  return memcmp(desc->dims, desc->padded_dims, (size_t)desc->ndims * sizeof desc->dims[0]) != 0;
}

bool tw_layout_same_dims(const dnnl_memory_desc_t *a, const dnnl_memory_desc_t *b) {
  return a->ndims == b->ndims && memcmp(a->dims, b->dims, (size_t)a->ndims * sizeof a->dims[0]) == 0;
}

bool tw_layout_same(const dnnl_memory_desc_t *a, const dnnl_memory_desc_t *b) {
  if (dnnl_memory_desc_equal(a, b)) {
    return true;
  }
  loop of_a[MAX_LOOPS];
  loop of_b[MAX_LOOPS];
  int count = loops_of(a, of_a);
  if (a->data_type != b->data_type || !tw_layout_same_dims(a, b) || count < 0 || count != loops_of(b, of_b)) {
    return false;
  }
  for (int i = 0; i < count; i++) {
    if (of_a[i].dim != of_b[i].dim || of_a[i].extent != of_b[i].extent || of_a[i].stride != of_b[i].stride) {
      return false;
    }
  }
  return true;
}

dnnl_memory_desc_t tw_layout_like(const dnnl_memory_desc_t *model, const tw_shape *shape) {
  dnnl_memory_desc_t desc = *model;
  int order[DNNL_MAX_NDIMS];
  order_of(model, order);
  int64_t stride = 1;
  for (int i = 0; i < desc.format_desc.blocking.inner_nblks; i++) {
    stride *= desc.format_desc.blocking.inner_blks[i];
  }
  for (int i = desc.ndims - 1; i >= 0; i--) {
    int dim = order[i];
    int64_t block = block_of(model, dim);
    int64_t blocks = (shape->dims[dim] + block - 1) / block;
    desc.dims[dim] = shape->dims[dim];
    desc.padded_dims[dim] = blocks * block;
    desc.format_desc.blocking.strides[dim] = stride;
    stride *= blocks;
  }
  return desc;
}

int64_t tw_layout_slice_block(const dnnl_memory_desc_t *desc, int axis) {
  loop loops[MAX_LOOPS];
  int count = loops_of(desc, loops);
  return count >= 0 && (count == 0 || loops[0].dim == axis) ? block_of(desc, axis) : 0;
}

size_t tw_layout_channel_block(const dnnl_memory_desc_t *desc) {
  const dnnl_blocking_desc_t *blocking = &desc->format_desc.blocking;
  if (desc->ndims != 4 || desc->dims[0] != 1 || desc->format_kind != dnnl_blocked || blocking->inner_nblks > 1 ||
      (blocking->inner_nblks == 1 && blocking->inner_idxs[0] != 1)) {
    return 0;
  }
  const int64_t width = desc->dims[3];
  const int64_t pixels = desc->dims[2] * width;
  const int64_t blocks[] = {block_of(desc, 1), desc->dims[1]};
  for (int i = 0; i < 2; i++) {
    const tw_shape shape = {.rank = 4, .dims = {1, desc->dims[1], desc->dims[2], width}};
    dnnl_memory_desc_t model = *desc;
    if (i == 1 && blocking->inner_nblks == 0) {
      model = tw_layout_narrow(&shape);
    } else {
      const int64_t strides[] = {desc->padded_dims[1] * pixels, pixels * blocks[0], width * blocks[0], blocks[0]};
      memcpy(model.format_desc.blocking.strides, strides, sizeof strides);
    }
    model.data_type = desc->data_type;
    if (tw_layout_same(&model, desc)) {
      return (size_t)blocks[i];
    }
  }
  return 0;
}

static char letter_of(const dnnl_memory_desc_t *desc, int dim) {
  static const char *const names[] = {"", "x", "nc", "ncw", "nchw", "ncdhw"};
  return desc->ndims <= 5 ? names[desc->ndims][dim] : (char)('a' + dim);
}

char *tw_layout_text(const dnnl_memory_desc_t *desc, char text[TW_LAYOUT_TEXT_SIZE]) {
  if (desc->format_kind != dnnl_blocked) {
    snprintf(text, TW_LAYOUT_TEXT_SIZE, "packed");
    return text;
  }
  const dnnl_blocking_desc_t *blocking = &desc->format_desc.blocking;
  int order[DNNL_MAX_NDIMS];
  order_of(desc, order);
  size_t length = 0;
  for (int i = 0; i < desc->ndims; i++) {
    char letter = letter_of(desc, order[i]);
    bool blocked = block_of(desc, order[i]) > 1;
    text[length++] = (char)(blocked ? letter - 'a' + 'A' : letter);
  }
  text[length] = '\0';
  for (int i = 0; i < blocking->inner_nblks && length < TW_LAYOUT_TEXT_SIZE - 24; i++) {
    int written = snprintf(text + length, TW_LAYOUT_TEXT_SIZE - length, "%d%c", (int)blocking->inner_blks[i],
                           letter_of(desc, (int)blocking->inner_idxs[i]));
    length += (size_t)written;
  }
  return text;
}
