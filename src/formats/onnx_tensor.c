/* Reading ONNX's TensorProto. Elements come as raw bytes or as typed lists; what leaves here is raw bytes always, and
 * as many as type and dimensions say. */
#include <string.h>

#include "formats/onnx_reader.h"

enum {
  FIELD_DIMS = 1,
  FIELD_TYPE = 2,
  FIELD_SEGMENT = 3,
  FIELD_FLOATS = 4,
  FIELD_INT32S = 5,
  FIELD_INT64S = 7,
  FIELD_NAME = 8,
  FIELD_RAW = 9,
  FIELD_DOUBLES = 10,
  FIELD_UINT64S = 11,
  FIELD_EXTERNAL = 13,
  FIELD_LOCATION = 14,
};

/* How elements of a type are stored when they are not raw. */
typedef struct storage {
  int32_t type;   /* TensorProto.DataType */
  size_t size;    /* bytes of an element */
  uint32_t field; /* the typed list */
} storage;

static const storage storages[] = {
    {1, 4, FIELD_FLOATS},  {2, 1, FIELD_INT32S},   {3, 1, FIELD_INT32S},   {4, 2, FIELD_INT32S},
    {5, 2, FIELD_INT32S},  {6, 4, FIELD_INT32S},   {7, 8, FIELD_INT64S},   {9, 1, FIELD_INT32S},
    {10, 2, FIELD_INT32S}, {11, 8, FIELD_DOUBLES}, {12, 4, FIELD_UINT64S}, {13, 8, FIELD_UINT64S},
    {16, 2, FIELD_INT32S},
};

static const storage *storage_of(int32_t type) {
  for (size_t i = 0; i < sizeof storages / sizeof *storages; i++) {
    if (storages[i].type == type) {
      return &storages[i];
    }
  }
  return NULL;
}

static uint32_t wire_type_of(uint32_t field) {
  return field == FIELD_FLOATS ? TW_WIRE_FIXED32 : field == FIELD_DOUBLES ? TW_WIRE_FIXED64 : TW_WIRE_VARINT;
}

static bool is_list(uint32_t field) {
  return field == FIELD_FLOATS || field == FIELD_INT32S || field == FIELD_INT64S || field == FIELD_DOUBLES ||
         field == FIELD_UINT64S;
}

/* What a first walk over the message finds. */
typedef struct survey {
  bool external;
  bool has_raw;
  tw_bytes raw;
  size_t list_counts[FIELD_UINT64S + 1]; /* by field number */
  size_t list_fields[FIELD_UINT64S + 1]; /* in how many pieces */
  tw_bytes last_packed[FIELD_UINT64S + 1];
} survey;

static tw_status damaged_tensor(const tw_onnx_tensor *tensor, const char *what, tw_error *error) {
  return tw_error_set(error, TW_E_FORMAT, "the tensor '%.*s' %s", tw_onnx_name_length(tensor->name), tensor->name.data,
                      what);
}

static tw_status add_dims(const tw_wire_reader *reader, const tw_wire *wire, const tw_wire_field *field,
                          tw_onnx_tensor *tensor, tw_error *error) {
  size_t count;
  TW_TRY(tw_wire_list_count(reader, wire, field, TW_WIRE_VARINT, "a tensor's dimensions", &count, error));
  tw_wire list = tw_wire_open(field->bytes);
  for (size_t i = 0; i < count; i++) {
    uint64_t value = field->integer;
    if (field->type == TW_WIRE_BYTES && !tw_wire_varint(&list, &value)) {
      return tw_wire_damaged(reader, list.at, "a tensor's dimensions", error);
    }
    if (tensor->rank == 8) {
      return tw_error_set(error, TW_E_LIMIT, "the tensor '%.*s' has more than 8 dimensions",
                          tw_onnx_name_length(tensor->name), tensor->name.data);
    }
    tensor->dims[tensor->rank++] = (int64_t)value;
  }
  return TW_OK;
}

static tw_status survey_list(const tw_wire_reader *reader, const tw_wire *wire, const tw_wire_field *field,
                             survey *found, tw_error *error) {
  size_t count;
  TW_TRY(tw_wire_list_count(reader, wire, field, wire_type_of(field->number), "a tensor's elements", &count, error));
  found->list_counts[field->number] += count; /* at most the bytes of the file */
  found->list_fields[field->number]++;
  found->last_packed[field->number] = field->bytes;
  return TW_OK;
}

static tw_status survey_field(const tw_wire_reader *reader, const tw_wire *wire, const tw_wire_field *field,
                              tw_onnx_tensor *tensor, survey *found, tw_error *error) {
  int64_t number = 0;
  if (is_list(field->number)) {
    return survey_list(reader, wire, field, found, error);
  }
  switch (field->number) {
    case FIELD_DIMS: return add_dims(reader, wire, field, tensor, error);
    case FIELD_TYPE:
      TW_TRY(tw_wire_take_integer(reader, wire, field, "a tensor's type", &number, error));
      tensor->type = number >= 0 && number < INT32_MAX ? (int32_t)number : -1;
      return TW_OK;
    case FIELD_SEGMENT:
    case FIELD_EXTERNAL: found->external = true; return TW_OK;
    case FIELD_LOCATION:
      TW_TRY(tw_wire_take_integer(reader, wire, field, "a tensor's location", &number, error));
      found->external = found->external || number != 0;
      return TW_OK;
    case FIELD_NAME: return tw_wire_take_bytes(reader, wire, field, "a tensor's name", &tensor->name, error);
    case FIELD_RAW:
      found->has_raw = true;
      return tw_wire_take_bytes(reader, wire, field, "a tensor's elements", &found->raw, error);
    default: return TW_OK;
  }
}

/* The number of elements that the dimensions say. */
static tw_status count_elements(const tw_onnx_tensor *tensor, size_t *ret_count, tw_error *error) {
  size_t count = 1;
  for (int i = 0; i < tensor->rank; i++) {
    if (tensor->dims[i] < 0) {
      return damaged_tensor(tensor, "has a negative dimension", error);
    }
    if (!tw_mul_size(count, (size_t)tensor->dims[i], &count)) {
      return damaged_tensor(tensor, "has more elements than any memory holds", error);
    }
  }
  *ret_count = count;
  return TW_OK;
}

static tw_status wrong_size(const tw_onnx_tensor *tensor, size_t has, size_t wants, const char *unit, tw_error *error) {
  return tw_error_set(error, TW_E_FORMAT, "the tensor '%.*s' has %zu %s; its type and dimensions want %zu",
                      tw_onnx_name_length(tensor->name), tensor->name.data, has, unit, wants);
}

static tw_status read_elements(const tw_wire_reader *reader, tw_bytes message, const survey *found,
                               tw_onnx_tensor *tensor, tw_error *error) {
  const storage *kind = storage_of(tensor->type);
  size_t count;
  size_t bytes;
  TW_TRY(count_elements(tensor, &count, error));
  if (kind == NULL) { /* strings, complex numbers, four bits: an error only for whom uses it */
    tensor->raw = found->raw;
    return TW_OK;
  }
  if (!tw_mul_size(count, kind->size, &bytes)) {
    return damaged_tensor(tensor, "has more elements than any memory holds", error);
  }
  if (found->has_raw) {
    tensor->raw = found->raw;
    return found->raw.size == bytes ? TW_OK : wrong_size(tensor, found->raw.size, bytes, "bytes", error);
  }
  if (found->list_counts[kind->field] != count) {
    return wrong_size(tensor, found->list_counts[kind->field], count, "elements", error);
  }
  tw_bytes packed = found->last_packed[kind->field];
  if (found->list_fields[kind->field] == 1 && packed.size == bytes && wire_type_of(kind->field) != TW_WIRE_VARINT) {
    tensor->raw = packed;
    return TW_OK;
  }
  uint8_t *copy = tw_arena_aligned(reader->arena, bytes);
  if (copy == NULL) {
    return tw_error_memory(error);
  }
  tensor->raw = (tw_bytes){copy, bytes};
  return tw_wire_gather(reader, message, kind->field, wire_type_of(kind->field), kind->size, copy, error);
}

tw_status tw_onnx_read_tensor(tw_wire_reader *reader, tw_bytes message, tw_onnx_tensor *ret_tensor, tw_error *error) {
  tw_onnx_tensor tensor = {0};
  survey found = {0};
  tw_wire wire = tw_wire_open(message);
  tw_wire_field field;
  while (tw_wire_next(&wire, &field)) {
    TW_TRY(survey_field(reader, &wire, &field, &tensor, &found, error));
  }
  TW_TRY(tw_wire_ended(reader, &wire, "a tensor", error));
  if (found.external) {
    return tw_error_set(error, TW_E_UNSUPPORTED,
                        "the tensor '%.*s' is kept in another file; save the network with all weights in one file",
                        tw_onnx_name_length(tensor.name), tensor.name.data);
  }
  TW_TRY(read_elements(reader, message, &found, &tensor, error));
  *ret_tensor = tensor;
  return TW_OK;
}
