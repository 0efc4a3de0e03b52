/* TensorFlow's nodes while they are put together: names, inputs, attributes, constants. Knows nothing of the graph that
 * is exported. */
#include <string.h>

#include "graph/graphdef_export.h"

/* Float constants of at least so many elements are stored as halves when that loses nothing. */
enum { HALVES_FROM = 1024 };

static void *room(tw_exporter *to, size_t count, size_t size) {
  void *memory = to->failed ? NULL : tw_arena_alloc(to->scratch, count, size);
  to->failed = memory == NULL;
  return memory;
}

static void remember(tw_exporter *to, tw_status status) {
  to->failed = to->failed || status != TW_OK;
}

/* ---- Names ------------------------------------------------------------------------------------------------------- */

static bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* [A-Za-z0-9.][A-Za-z0-9_.\\/>-]*; the slashes with which some exporters begin names are left out. */
static const char *allowed_name(tw_exporter *to, const char *wanted) {
  wanted += strspn(wanted, "/");
  bool begins = is_letter(*wanted) || *wanted == '.';
  static const char prefix[] = "node_";
  size_t before = begins ? 0 : sizeof prefix - 1;
  size_t length = strlen(wanted);
  char *name = room(to, before + length + 1, 1);
  if (name == NULL) {
    return "";
  }
  memcpy(name, prefix, before);
  for (size_t i = 0; i < length; i++) {
    name[before + i] = is_letter(wanted[i]) || strchr("_.\\/>-", wanted[i]) != NULL ? wanted[i] : '_';
  }
  return name;
}

/* False when it is taken. */
static bool take(tw_exporter *to, const char *name) {
  if (tw_names_find(&to->taken, tw_bytes_of(name)) != NULL) {
    return false;
  }
  unsigned long *last = room(to, 1, sizeof *last);
  if (last != NULL) {
    remember(to, tw_names_add(&to->taken, tw_bytes_of(name), last, NULL));
  }
  return true;
}

const char *tw_export_name(tw_exporter *to, const char *wanted) {
  const char *base = allowed_name(to, wanted);
  if (to->failed || take(to, base)) {
    return base;
  }
  unsigned long *last = tw_names_find(&to->taken, tw_bytes_of(base));
  size_t size = strlen(base) + 24;
  char *name = room(to, size, 1);
  do {
    if (name == NULL) {
      return base;
    }
    snprintf(name, size, "%s_%lu", base, ++*last);
  } while (!take(to, name));
  return name;
}

const char *tw_export_part(tw_exporter *to, const char *base, const char *what) {
  size_t size = strlen(base) + strlen(what) + 2;
  char *name = room(to, size, 1);
  if (name == NULL) {
    return base;
  }
  snprintf(name, size, "%s/%s", base, what);
  return tw_export_name(to, name);
}

/* ---- Nodes ------------------------------------------------------------------------------------------------------- */

static bool reserve_node(tw_exporter *to) {
  if (to->node_count == TW_GRAPHDEF_MAX_NODES) {
    to->too_many = true;
    to->failed = true;
    return false;
  }
  if (to->node_count == to->node_capacity) {
    size_t capacity = to->node_capacity == 0 ? 256 : 2 * to->node_capacity;
    tw_tf_node **larger = room(to, capacity, sizeof(tw_tf_node *));
    if (larger == NULL) {
      return false;
    }
    if (to->node_count != 0) {
      memcpy(larger, to->nodes, to->node_count * sizeof(tw_tf_node *));
    }
    to->nodes = larger;
    to->node_capacity = capacity;
  }
  return true;
}

tw_tf_node *tw_export_node(tw_exporter *to, const char *name, const char *op, size_t input_room) {
  tw_tf_node *node = room(to, 1, sizeof *node);
  tw_bytes *inputs = room(to, input_room, sizeof *inputs);
  tw_tf_attribute *attributes = room(to, TW_EXPORT_MOST_ATTRIBUTES, sizeof *attributes);
  if (attributes == NULL || !reserve_node(to)) {
    return &to->spare;
  }
  *node = (tw_tf_node){.name = tw_bytes_of(name), .op = tw_bytes_of(op), .inputs = inputs, .attributes = attributes};
  to->nodes[to->node_count++] = node;
  return node;
}

void tw_export_input(tw_exporter *to, tw_tf_node *node, const char *name) {
  if (!to->failed) {
    node->inputs[node->input_count++] = tw_bytes_of(name);
  }
}

tw_tf_node *tw_export_simple(tw_exporter *to, const char *name, const char *op, ...) {
  enum { MOST_INPUTS = 5 };
  tw_tf_node *node = tw_export_node(to, name, op, MOST_INPUTS);
  va_list inputs;
  va_start(inputs, op);
  for (const char *input; (input = va_arg(inputs, const char *)) != NULL;) {
    tw_export_input(to, node, input);
  }
  va_end(inputs);
  tw_export_type(to, node, "T", TW_TF_FLOAT);
  return node;
}

/* ---- Attributes -------------------------------------------------------------------------------------------------- */

static tw_tf_attribute *add(tw_exporter *to, tw_tf_node *node, const char *name, tw_tf_kind kind) {
  static const tw_tf_attribute none;
  if (to->failed) {
    return NULL;
  }
  tw_tf_attribute *attribute = &node->attributes[node->attribute_count++];
  *attribute = none;
  attribute->name = tw_bytes_of(name);
  attribute->kind = kind;
  return attribute;
}

static void add_integer(tw_exporter *to, tw_tf_node *node, const char *name, tw_tf_kind kind, int64_t value) {
  tw_tf_attribute *attribute = add(to, node, name, kind);
  if (attribute != NULL) {
    attribute->i = value;
  }
}

void tw_export_int(tw_exporter *to, tw_tf_node *node, const char *attribute, int64_t value) {
  add_integer(to, node, attribute, TW_TF_ATTR_INT, value);
}

void tw_export_bool(tw_exporter *to, tw_tf_node *node, const char *attribute, bool value) {
  add_integer(to, node, attribute, TW_TF_ATTR_BOOL, value);
}

void tw_export_type(tw_exporter *to, tw_tf_node *node, const char *attribute, int32_t type) {
  add_integer(to, node, attribute, TW_TF_ATTR_TYPE, type);
}

void tw_export_float(tw_exporter *to, tw_tf_node *node, const char *name, float value) {
  tw_tf_attribute *attribute = add(to, node, name, TW_TF_ATTR_FLOAT);
  if (attribute != NULL) {
    attribute->f = value;
  }
}

void tw_export_text(tw_exporter *to, tw_tf_node *node, const char *name, const char *text) {
  tw_tf_attribute *attribute = add(to, node, name, TW_TF_ATTR_TEXT);
  if (attribute != NULL) {
    attribute->s = tw_bytes_of(text);
  }
}

void tw_export_window(tw_exporter *to, tw_tf_node *node, const char *name, int64_t height, int64_t width) {
  int64_t *numbers = room(to, 4, sizeof *numbers);
  tw_tf_attribute *attribute = add(to, node, name, TW_TF_ATTR_LIST);
  if (attribute != NULL) {
    memcpy(numbers, (const int64_t[4]){1, height, width, 1}, 4 * sizeof *numbers);
    attribute->ints = numbers;
    attribute->count = 4;
  }
}

void tw_export_shape(tw_exporter *to, tw_tf_node *node, const char *name, int rank, const int64_t *dims) {
  tw_tf_attribute *attribute = add(to, node, name, TW_TF_ATTR_SHAPE);
  if (attribute != NULL) {
    attribute->tensor.rank = rank;
    memcpy(attribute->tensor.dims, dims, (size_t)rank * sizeof *dims);
  }
}

/* ---- Constants --------------------------------------------------------------------------------------------------- */

static void constant(tw_exporter *to, const char *name, int32_t type, const tw_shape *shape, const void *data,
                     size_t size) {
  tw_tf_node *node = tw_export_node(to, name, "Const", 0);
  tw_export_type(to, node, "dtype", type);
  tw_tf_attribute *attribute = add(to, node, "value", TW_TF_ATTR_TENSOR);
  if (attribute != NULL) {
    attribute->tensor = (tw_tf_tensor){.type = type, .rank = shape->rank, .content = {data, size}};
    memcpy(attribute->tensor.dims, shape->dims, sizeof shape->dims);
  }
}

/* The floats as halves; NULL when one of them would change, or when memory is out. */
static const uint16_t *exact_halves(tw_exporter *to, const uint8_t *floats, size_t count) {
  for (size_t i = 0; i < count; i++) {
    float value;
    float back;
    memcpy(&value, floats + i * sizeof value, sizeof value);
    back = tw_f16_to_f32(tw_f32_to_f16(value));
    if (memcmp(&value, &back, sizeof value) != 0) {
      return NULL;
    }
  }
  uint16_t *halves = room(to, count, sizeof *halves);
  for (size_t i = 0; halves != NULL && i < count; i++) {
    float value;
    memcpy(&value, floats + i * sizeof value, sizeof value);
    halves[i] = tw_f32_to_f16(value);
  }
  return halves;
}

const char *tw_export_constant(tw_exporter *to, const char *name, const tw_shape *shape, const float *data) {
  size_t count = 0;
  tw_shape_count(shape, &count);
  const void *bytes = data; /* not necessarily aligned */
  const uint16_t *halves = count < HALVES_FROM ? NULL : exact_halves(to, bytes, count);
  if (halves == NULL) {
    constant(to, name, TW_TF_FLOAT, shape, bytes, count * sizeof *data);
    return name;
  }
  const char *stored = tw_export_part(to, name, "half");
  constant(to, stored, TW_TF_HALF, shape, halves, count * sizeof *halves);
  tw_tf_node *cast = tw_export_node(to, name, "Cast", 1);
  tw_export_input(to, cast, stored);
  tw_export_type(to, cast, "SrcT", TW_TF_HALF);
  tw_export_type(to, cast, "DstT", TW_TF_FLOAT);
  return name;
}

const char *tw_export_scalar(tw_exporter *to, const char *name, float value) {
  float *kept = tw_export_floats(to, 1);
  if (kept != NULL) {
    *kept = value;
    tw_export_constant(to, name, &(tw_shape){0}, kept);
  }
  return name;
}

const char *tw_export_integers(tw_exporter *to, const char *name, int rank, size_t count, const int64_t *values) {
  tw_shape shape = {.rank = rank, .dims = {(int64_t)count}};
  if (rank == 2) {
    shape.dims[0] = (int64_t)count / 2;
    shape.dims[1] = 2;
  }
  int32_t *kept = room(to, count, sizeof *kept);
  for (size_t i = 0; kept != NULL && i < count; i++) {
    kept[i] = (int32_t)values[i];
  }
  if (kept != NULL) {
    constant(to, name, TW_TF_INT32, &shape, kept, count * sizeof *kept);
  }
  return name;
}

const char *tw_export_string(tw_exporter *to, const char *name, const char *text) {
  constant(to, name, TW_TF_STRING, &(tw_shape){0}, text, strlen(text));
  return name;
}

float *tw_export_floats(tw_exporter *to, size_t count) {
  return room(to, count, sizeof(float));
}
