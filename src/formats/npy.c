/* NumPy's .npy: one array after a header that is a Python dictionary written out. The header's parser is strict: it
 * takes what numpy writes and no other Python. */
#include <string.h>

#include "formats/formats.h"

static const char MAGIC[] = "\x93NUMPY";
enum { MAGIC_SIZE = 6, HEAD_V1 = 10, HEAD_V2 = 12, ALIGNMENT = 64 };

/* The header's text, and where the parser is. */
typedef struct parser {
  const char *at;
  const char *end;
} parser;

typedef struct seen {
  bool descr;
  bool order;
  bool shape;
} seen;

static tw_status malformed(tw_error *error, const char *what) {
  return tw_error_set(error, TW_E_FORMAT, "the header of this .npy file is malformed: %s", what);
}

static void skip_spaces(parser *in) {
  while (in->at < in->end && (*in->at == ' ' || *in->at == '\n' || *in->at == '\t' || *in->at == '\r')) {
    in->at++;
  }
}

/* Takes `text` if it is next. */
static bool take(parser *in, const char *text) {
  size_t length = strlen(text);
  skip_spaces(in);
  if ((size_t)(in->end - in->at) < length || memcmp(in->at, text, length) != 0) {
    return false;
  }
  in->at += length;
  return true;
}

/* A quoted text without escapes. */
static bool take_string(parser *in, tw_bytes *ret) {
  skip_spaces(in);
  if (in->at == in->end || (*in->at != '\'' && *in->at != '"')) {
    return false;
  }
  char quote = *in->at;
  const char *begin = in->at + 1;
  const char *close = memchr(begin, quote, (size_t)(in->end - begin));
  if (close == NULL) {
    return false;
  }
  *ret = (tw_bytes){(const uint8_t *)begin, (size_t)(close - begin)};
  in->at = close + 1;
  return true;
}

static bool take_number(parser *in, size_t *ret) {
  size_t value = 0;
  skip_spaces(in);
  const char *begin = in->at;
  for (; in->at < in->end && *in->at >= '0' && *in->at <= '9'; in->at++) {
    if (!tw_mul_size(value, 10, &value) || !tw_add_size(value, (size_t)(*in->at - '0'), &value)) {
      return false;
    }
  }
  bool any = in->at > begin;
  if (any && in->at < in->end && *in->at == 'L') { /* Python 2's long integers */
    in->at++;
  }
  *ret = value;
  return any;
}

/* "<f4": byte order, kind, bytes. */
static tw_status parse_type(tw_bytes text, tw_npy *npy, tw_error *error) {
  parser in = {(const char *)text.data, (const char *)text.data + text.size};
  char order = text.size > 0 ? *in.at : '\0';
  bool has_order = order == '<' || order == '>' || order == '|' || order == '=';
  in.at += has_order;
  char kind = in.at < in.end ? *in.at++ : '\0';
  size_t size = 0;
  bool complete = take_number(&in, &size) && in.at == in.end;
  bool fits = (kind == 'f' && (size == 2 || size == 4 || size == 8)) || (kind == 'b' && size == 1) ||
              ((kind == 'i' || kind == 'u') && (size == 1 || size == 2 || size == 4 || size == 8));
  if (!complete || !fits || !has_order) {
    return tw_error_set(error, TW_E_UNSUPPORTED,
                        "this .npy file holds elements of type '%.*s'; supported are floating point of 2, 4 and 8 "
                        "bytes, integers and booleans",
                        text.size > 64 ? 64 : (int)text.size, text.data);
  }
  npy->kind = kind;
  npy->item_size = size;
  npy->big_endian = order == '>' && size > 1;
  return TW_OK;
}

static tw_status parse_shape(parser *in, tw_npy *npy, tw_error *error) {
  if (!take(in, "(")) {
    return malformed(error, "'shape' is no tuple");
  }
  npy->rank = 0;
  bool comma = true;
  while (!take(in, ")")) {
    if (npy->rank == TW_NPY_MAX_RANK) {
      return tw_error_set(error, TW_E_LIMIT, "this .npy file has more than %d dimensions", TW_NPY_MAX_RANK);
    }
    if (!comma || !take_number(in, &npy->dims[npy->rank])) {
      return malformed(error, "'shape' is no tuple of numbers");
    }
    npy->rank++;
    comma = take(in, ",");
  }
  return npy->rank != 1 || comma ? TW_OK : malformed(error, "'shape' is a number, not a tuple");
}

static tw_status parse_entry(parser *in, tw_npy *npy, seen *found, tw_error *error) {
  tw_bytes key;
  tw_bytes text;
  if (!take_string(in, &key) || !take(in, ":")) {
    return malformed(error, "a key is missing");
  }
  bool *flag = tw_bytes_is(key, "descr")           ? &found->descr
               : tw_bytes_is(key, "fortran_order") ? &found->order
               : tw_bytes_is(key, "shape")         ? &found->shape
                                                   : NULL;
  if (flag == NULL || *flag) {
    return malformed(error, flag == NULL ? "it has an unknown key" : "a key is there twice");
  }
  *flag = true;
  if (flag == &found->shape) {
    return parse_shape(in, npy, error);
  }
  if (flag == &found->order) {
    npy->fortran_order = take(in, "True");
    return npy->fortran_order || take(in, "False") ? TW_OK : malformed(error, "'fortran_order' is not True or False");
  }
  if (take(in, "[")) {
    return tw_error_set(error, TW_E_UNSUPPORTED,
                        "this .npy file holds records of several fields; it must hold numbers");
  }
  return take_string(in, &text) ? parse_type(text, npy, error) : malformed(error, "'descr' is no text");
}

static tw_status parse_header(tw_bytes header, tw_npy *npy, tw_error *error) {
  parser in = {(const char *)header.data, (const char *)header.data + header.size};
  seen found = {0};
  if (!take(&in, "{")) {
    return malformed(error, "it is no dictionary");
  }
  bool comma = true;
  while (!take(&in, "}")) {
    if (!comma) {
      return malformed(error, "a comma is missing");
    }
    TW_TRY(parse_entry(&in, npy, &found, error));
    comma = take(&in, ",");
  }
  skip_spaces(&in);
  if (in.at != in.end || !found.descr || !found.order || !found.shape) {
    return malformed(error,
                     in.at != in.end ? "something follows it" : "'descr', 'fortran_order' or 'shape' is missing");
  }
  return TW_OK;
}

/* Where the header's text is. */
static tw_status find_header(tw_bytes file, tw_bytes *ret_header, tw_error *error) {
  if (file.size < HEAD_V1 || memcmp(file.data, MAGIC, MAGIC_SIZE) != 0) {
    return tw_error_set(error, TW_E_FORMAT, "this is not a .npy file");
  }
  unsigned version = file.data[6];
  if (version < 1 || version > 3) {
    return tw_error_set(error, TW_E_UNSUPPORTED, "this .npy file is of version %u; 1 to 3 are supported", version);
  }
  size_t begin = version == 1 ? HEAD_V1 : HEAD_V2;
  if (file.size < begin) {
    return malformed(error, "the file is cut short");
  }
  size_t size = version == 1 ? (size_t)file.data[8] | (size_t)file.data[9] << 8 : tw_load_u32(file.data + 8);
  if (size > TW_NPY_MAX_HEADER) {
    return tw_error_set(error, TW_E_LIMIT, "the header of this .npy file has %zu bytes; the limit is %d", size,
                        TW_NPY_MAX_HEADER);
  }
  if (size > file.size - begin) {
    return malformed(error, "the file is cut short");
  }
  *ret_header = (tw_bytes){file.data + begin, size};
  return TW_OK;
}

tw_status tw_npy_read(tw_bytes file, tw_npy *ret_npy, tw_error *error) {
  tw_npy npy = {.count = 1};
  tw_bytes header;
  if (file.size > TW_NPY_MAX_FILE) {
    return tw_error_set(error, TW_E_LIMIT, "this .npy file has %zu bytes; the limit is %zu", file.size,
                        TW_NPY_MAX_FILE);
  }
  TW_TRY(find_header(file, &header, error));
  TW_TRY(parse_header(header, &npy, error));
  bool fits = true;
  for (int i = 0; i < npy.rank; i++) {
    fits = fits && tw_mul_size(npy.count, npy.dims[i], &npy.count);
  }
  size_t wanted;
  if (!fits || !tw_mul_size(npy.count, npy.item_size, &wanted)) {
    return malformed(error, "'shape' is larger than any memory");
  }
  const uint8_t *begin = header.data + header.size;
  size_t has = (size_t)(file.data + file.size - begin);
  if (has != wanted) {
    return tw_error_set(
        error, TW_E_FORMAT,
        "this .npy file has %zu bytes of data; its header promises %zu elements of %zu bytes, %zu in all", has,
        npy.count, npy.item_size, wanted);
  }
  npy.fortran_order = npy.fortran_order && npy.rank > 1;
  npy.data = (tw_bytes){begin, wanted};
  *ret_npy = npy;
  return TW_OK;
}

/* ---- Elements ---------------------------------------------------------------------------------------------------- */

static float load(const tw_npy *npy, size_t position) {
  const uint8_t *from = npy->data.data + position * npy->item_size;
  uint8_t bytes[8] = {0};
  for (size_t i = 0; i < npy->item_size; i++) {
    bytes[i] = npy->big_endian ? from[npy->item_size - 1 - i] : from[i];
  }
  if (npy->item_size == 2) {
    return tw_f16_to_f32((uint16_t)(bytes[0] | bytes[1] << 8));
  }
  if (npy->item_size == 4) {
    uint32_t bits = tw_load_u32(bytes);
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
  }
  uint64_t bits = tw_load_u64(bytes);
  double value;
  memcpy(&value, &bits, sizeof value);
  return (float)value;
}

/* Row-major `index` as a position in a column-major array. */
static size_t column_major(const tw_npy *npy, size_t index) {
  size_t position = 0;
  size_t step = npy->count;
  for (int i = npy->rank - 1; i >= 0; i--) {
    step /= npy->dims[i];
    position += index % npy->dims[i] * step;
    index /= npy->dims[i];
  }
  return position;
}

tw_status tw_npy_to_f32(const tw_npy *npy, size_t first, size_t count, float *ret_values, tw_error *error) {
  if (npy->kind != 'f') {
    return tw_error_set(error, TW_E_UNSUPPORTED, "this .npy file holds %s; it must hold floating point",
                        npy->kind == 'b' ? "booleans" : "integers");
  }
  if (first > npy->count || count > npy->count - first) {
    return tw_error_set(error, TW_E_ARGUMENT, "elements %zu to %zu of an array of %zu", first, first + count,
                        npy->count);
  }
  if (npy->item_size == sizeof(float) && !npy->fortran_order && !npy->big_endian) {
    if (count != 0) {
      memcpy(ret_values, npy->data.data + first * sizeof(float), count * sizeof(float));
    }
    return TW_OK;
  }
  if (npy->item_size == 2 && !npy->fortran_order && !npy->big_endian) {
    const uint8_t *from = npy->data.data + 2 * first;
    for (size_t i = 0; i < count; i++) {
      ret_values[i] = tw_f16_to_f32((uint16_t)(from[2 * i] | from[2 * i + 1] << 8));
    }
    return TW_OK;
  }
  for (size_t i = 0; i < count; i++) {
    ret_values[i] = load(npy, npy->fortran_order ? column_major(npy, first + i) : first + i);
  }
  return TW_OK;
}

tw_status tw_npy_header_f32(const size_t *dims, int rank, tw_buffer *buffer, tw_error *error) {
  if (rank < 0 || rank > TW_NPY_MAX_RANK) {
    return tw_error_set(error, TW_E_ARGUMENT, "an array of %d dimensions; 0 to %d can be written", rank,
                        TW_NPY_MAX_RANK);
  }
  tw_buffer text = {0};
  tw_buffer_text(&text, "{'descr': '<f4', 'fortran_order': False, 'shape': (");
  for (int i = 0; i < rank; i++) {
    tw_buffer_format(&text, i == 0 ? "%zu" : ", %zu", dims[i]);
  }
  tw_buffer_text(&text, rank == 1 ? ",), }" : "), }");
  while (!text.failed && (HEAD_V1 + text.size + 1) % ALIGNMENT != 0) {
    tw_buffer_text(&text, " ");
  }
  tw_buffer_text(&text, "\n");
  const uint8_t head[4] = {1, 0, (uint8_t)text.size, (uint8_t)(text.size >> 8)};
  buffer->failed = buffer->failed || text.failed;
  tw_buffer_append(buffer, MAGIC, MAGIC_SIZE);
  tw_buffer_append(buffer, head, sizeof head);
  tw_buffer_append(buffer, text.data, text.size);
  tw_buffer_done(&text);
  return tw_buffer_status(buffer, error);
}
