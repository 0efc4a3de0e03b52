/* Reading GraphDef's TensorProto and TensorShapeProto. Elements come as the bytes of tensor_content or as a repeated
 * field whose last value stands for all that are missing; what leaves here is bytes, as many as the shape says. */
#include <string.h>

#include "formats/graphdef_reader.h"

enum {
  SHAPE_DIM = 2,
  SHAPE_UNKNOWN_RANK = 3,
  DIM_SIZE = 1,

  FIELD_TYPE = 1,
  FIELD_SHAPE = 2,
  FIELD_CONTENT = 4,
  FIELD_FLOATS = 5,
  FIELD_DOUBLES = 6,
  FIELD_INTS = 7,
  FIELD_STRINGS = 8,
  FIELD_INT64S = 10,
  FIELD_BOOLS = 11,
  FIELD_HALVES = 13,

  MAX_RANK = 8,
};

/* How elements of a type are stored when they are not bytes. */
typedef struct storage {
  int32_t type;   /* DataType */
  size_t size;    /* bytes of an element */
  uint32_t field; /* the repeated field */
} storage;

static const storage storages[] = {
    {TW_TF_FLOAT, 4, FIELD_FLOATS},    {TW_TF_DOUBLE, 8, FIELD_DOUBLES}, {TW_TF_INT32, 4, FIELD_INTS},
    {TW_TF_UINT8, 1, FIELD_INTS},      {TW_TF_INT16, 2, FIELD_INTS},     {TW_TF_INT8, 1, FIELD_INTS},
    {TW_TF_INT64, 8, FIELD_INT64S},    {TW_TF_BOOL, 1, FIELD_BOOLS},     {TW_TF_UINT16, 2, FIELD_INTS},
    {TW_TF_BFLOAT16, 2, FIELD_HALVES}, {TW_TF_HALF, 2, FIELD_HALVES},
};

static const storage *storage_of(int32_t type) {
  for (size_t i = 0; i < sizeof storages / sizeof *storages; i++) {
    if (storages[i].type == type) {
      return &storages[i];
    }
  }
  return NULL;
}

static bool is_list(uint32_t field) {
  return field == FIELD_FLOATS || field == FIELD_DOUBLES || field == FIELD_INTS || field == FIELD_INT64S ||
         field == FIELD_BOOLS || field == FIELD_HALVES;
}

static uint32_t wire_type_of(uint32_t field) {
  return field == FIELD_FLOATS ? TW_WIRE_FIXED32 : field == FIELD_DOUBLES ? TW_WIRE_FIXED64 : TW_WIRE_VARINT;
}

/* ---- Shapes ------------------------------------------------------------------------------------------------------ */

static tw_status read_dimension(const tw_wire_reader *reader, tw_bytes message, int64_t *ret_size, tw_error *error) {
  int64_t size = 0;
  tw_wire wire = tw_wire_open(message);
  tw_wire_field field;
  while (tw_wire_next(&wire, &field)) {
    if (field.number == DIM_SIZE) {
      TW_TRY(tw_wire_take_integer(reader, &wire, &field, "a dimension", &size, error));
    }
  }
  TW_TRY(tw_wire_ended(reader, &wire, "a dimension", error));
  *ret_size = size < 0 ? -1 : size;
  return TW_OK;
}

tw_status tw_graphdef_read_shape(tw_wire_reader *reader, tw_bytes message, tw_tf_tensor *tensor, tw_error *error) {
  int rank = 0;
  int64_t unknown = 0;
  tw_wire wire = tw_wire_open(message);
  tw_wire_field field;
  while (tw_wire_next(&wire, &field)) {
    if (field.number == SHAPE_UNKNOWN_RANK) {
      TW_TRY(tw_wire_take_integer(reader, &wire, &field, "a shape", &unknown, error));
    } else if (field.number == SHAPE_DIM) {
      tw_bytes bytes;
      TW_TRY(tw_wire_take_bytes(reader, &wire, &field, "a shape", &bytes, error));
      if (rank == MAX_RANK) {
        return tw_error_set(error, TW_E_LIMIT, "a shape has more than %d dimensions", MAX_RANK);
      }
      TW_TRY(read_dimension(reader, bytes, &tensor->dims[rank++], error));
    }
  }
  TW_TRY(tw_wire_ended(reader, &wire, "a shape", error));
  tensor->rank = unknown != 0 ? -1 : rank;
  return TW_OK;
}

/* ---- Tensors ----------------------------------------------------------------------------------------------------- */

/* What a first walk over the message finds. */
typedef struct survey {
  bool has_content;
  tw_bytes content;
  bool has_string;
  tw_bytes string;                      /* the first */
  size_t list_counts[FIELD_HALVES + 1]; /* by field number */
  size_t list_pieces[FIELD_HALVES + 1]; /* in how many fields */
  tw_bytes last_packed[FIELD_HALVES + 1];
} survey;

static tw_status survey_field(tw_wire_reader *reader, const tw_wire *wire, const tw_wire_field *field,
                              tw_tf_tensor *tensor, survey *found, tw_error *error) {
  int64_t number = 0;
  tw_bytes bytes;
  if (is_list(field->number)) {
    size_t count;
    TW_TRY(tw_wire_list_count(reader, wire, field, wire_type_of(field->number), "a tensor's elements", &count, error));
    found->list_counts[field->number] += count; /* at most the bytes of the file */
    found->list_pieces[field->number]++;
    found->last_packed[field->number] = field->bytes;
    return TW_OK;
  }
  switch (field->number) {
    case FIELD_TYPE:
      TW_TRY(tw_wire_take_integer(reader, wire, field, "a tensor's type", &number, error));
      tensor->type = number >= 0 && number < INT32_MAX ? (int32_t)number : -1;
      return TW_OK;
    case FIELD_SHAPE:
      TW_TRY(tw_wire_take_bytes(reader, wire, field, "a tensor's shape", &bytes, error));
      return tw_graphdef_read_shape(reader, bytes, tensor, error);
    case FIELD_CONTENT:
      TW_TRY(tw_wire_take_bytes(reader, wire, field, "a tensor's elements", &found->content, error));
      found->has_content = found->content.size != 0;
      return TW_OK;
    case FIELD_STRINGS:
      TW_TRY(tw_wire_take_bytes(reader, wire, field, "a tensor's elements", &bytes, error));
      found->string = found->has_string ? found->string : bytes;
      found->has_string = true;
      return TW_OK;
    default: return TW_OK;
  }
}

/* The bytes that type and shape want. */
static tw_status count_bytes(const tw_tf_tensor *tensor, size_t element, size_t *ret_bytes, tw_error *error) {
  size_t bytes = element;
  if (tensor->rank < 0) {
    return tw_error_set(error, TW_E_FORMAT, "its tensor has no shape");
  }
  for (int i = 0; i < tensor->rank; i++) {
    if (tensor->dims[i] < 0) {
      return tw_error_set(error, TW_E_FORMAT, "dimension %d of its tensor is unknown or negative", i + 1);
    }
    if (!tw_mul_size(bytes, (size_t)tensor->dims[i], &bytes)) {
      return tw_error_set(error, TW_E_FORMAT, "its tensor has more elements than any memory holds");
    }
  }
  *ret_bytes = bytes;
  return TW_OK;
}

/* The last value given, or 0 when there is none, again and again. */
static void repeat_last(uint8_t *elements, size_t given, size_t bytes, size_t element) {
  if (given == 0) {
    return; /* the arena's memory is zeroed by the caller */
  }
  const uint8_t *last = elements + given - element;
  for (size_t at = given; at < bytes; at += element) {
    memcpy(elements + at, last, element);
  }
}

static tw_status expand(tw_wire_reader *reader, tw_bytes message, const storage *kind, size_t given, size_t bytes,
                        tw_tf_tensor *tensor, tw_error *error) {
  if (bytes > reader->bytes_left) {
    return tw_error_set(error, TW_E_LIMIT, "its tensor of %zu bytes is not spelt out, and asks for more than the limit",
                        bytes);
  }
  reader->bytes_left -= bytes;
  uint8_t *elements = tw_arena_aligned(reader->arena, bytes);
  if (elements == NULL) {
    return tw_error_memory(error);
  }
  if (given == 0) {
    memset(elements, 0, bytes);
  }
  TW_TRY(tw_wire_gather(reader, message, kind->field, wire_type_of(kind->field), kind->size, elements, error));
  repeat_last(elements, given, bytes, kind->size);
  tensor->content = (tw_bytes){elements, bytes};
  return TW_OK;
}

static tw_status wrong_size(size_t has, size_t wants, const char *unit, tw_error *error) {
  return tw_error_set(error, TW_E_FORMAT, "its tensor has %zu %s; its type and shape want %zu", has, unit, wants);
}

static tw_status read_elements(tw_wire_reader *reader, tw_bytes message, const survey *found, tw_tf_tensor *tensor,
                               tw_error *error) {
  static const uint8_t nothing[1];
  const storage *kind = storage_of(tensor->type);
  size_t bytes;
  if (kind == NULL) { /* strings, complex numbers, quantised ones: an error only for whom uses it */
    tensor->content = tensor->type == TW_TF_STRING && found->has_string ? found->string : (tw_bytes){nothing, 0};
    return TW_OK;
  }
  TW_TRY(count_bytes(tensor, kind->size, &bytes, error));
  if (found->has_content) {
    tensor->content = found->content;
    return found->content.size == bytes ? TW_OK : wrong_size(found->content.size, bytes, "bytes", error);
  }
  size_t count = found->list_counts[kind->field];
  if (count > bytes / kind->size) {
    return wrong_size(count, bytes / kind->size, "elements", error);
  }
  tw_bytes packed = found->last_packed[kind->field];
  bool whole = found->list_pieces[kind->field] == 1 && packed.size == bytes;
  if (whole && wire_type_of(kind->field) != TW_WIRE_VARINT) {
    tensor->content = packed;
    return TW_OK;
  }
  return expand(reader, message, kind, count * kind->size, bytes, tensor, error);
}

tw_status tw_graphdef_read_tensor(tw_wire_reader *reader, tw_bytes message, tw_tf_tensor *ret_tensor, tw_error *error) {
  tw_tf_tensor tensor = {0};
  survey found = {0};
  tw_wire wire = tw_wire_open(message);
  tw_wire_field field;
  while (tw_wire_next(&wire, &field)) {
    TW_TRY(survey_field(reader, &wire, &field, &tensor, &found, error));
  }
  TW_TRY(tw_wire_ended(reader, &wire, "a tensor", error));
  TW_TRY(read_elements(reader, message, &found, &tensor, error));
  *ret_tensor = tensor;
  return TW_OK;
}
