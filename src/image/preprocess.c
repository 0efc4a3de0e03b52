/* Preprocessing as text: one table of fields gives the canonical text, the reader and its error messages. */
#include <math.h>
#include <string.h>

#include "image/reader.h"

typedef enum field_kind { WORD, CROP, SIZE, TRIPLE } field_kind;

enum { MAX_WORDS = 5 };

typedef struct field {
  const char *name;
  const char *wanted; /* the possible values, for people */
  field_kind kind;
  size_t offset;                /* in tw_preprocess */
  const char *words[MAX_WORDS]; /* WORD: the names of the enumeration's values, in order */
} field;

#define MEMBER(name) offsetof(tw_preprocess, name)
static const field FIELDS[] = {
    {"decode", "full or draft", WORD, MEMBER(decode), {"full", "draft"}},
    {"dct", "islow or ifast", WORD, MEMBER(dct), {"islow", "ifast"}},
    {"upsampling", "fancy or plain", WORD, MEMBER(upsampling), {"fancy", "plain"}},
    {"orientation", "exif or ignored", WORD, MEMBER(orientation), {"exif", "ignored"}},
    {"icc", "ignored", WORD, MEMBER(icc), {"ignored"}},
    {"cmyk", "pillow", WORD, MEMBER(cmyk), {"pillow"}},
    {"alpha", "white, black or dropped", WORD, MEMBER(alpha), {"white", "black", "dropped"}},
    {"filter",
     "box, bilinear, bicubic, lanczos or bilinear-legacy",
     WORD,
     MEMBER(filter),
     {"box", "bilinear", "bicubic", "lanczos", "bilinear-legacy"}},
    {"geometry", "squash or crop", WORD, MEMBER(geometry), {"squash", "crop"}},
    {"crop", "a number above 0 and not above 1", CROP, MEMBER(crop), {0}},
    {"rounding", "u8 or float", WORD, MEMBER(rounding), {"u8", "float"}},
    {"size", "WIDTHxHEIGHT in pixels, each from 1 to 4096", SIZE, MEMBER(width), {0}},
    {"mean", "three numbers with commas between them", TRIPLE, MEMBER(mean), {0}},
    {"scale", "three numbers with commas between them, none of them 0", TRIPLE, MEMBER(scale), {0}},
    {"colour", "rgb or bgr", WORD, MEMBER(colour), {"rgb", "bgr"}},
    {"layout", "nchw or nhwc", WORD, MEMBER(layout), {"nchw", "nhwc"}},
};
enum { FIELD_COUNT = sizeof FIELDS / sizeof *FIELDS };
enum { OPTIONAL_COUNT = 1 }; /* the first ones: not written, and need not be there, while they have their first value */
_Static_assert(TW_PREPROCESS_MAX_SIDE == 4096, "the text of the field `size` names the limit");
_Static_assert(sizeof(tw_dct) == sizeof(unsigned), "enumerations are read and written as unsigned int");

/* ---- Writing ----------------------------------------------------------------------------------------------------- */

static void append_triple(tw_buffer *buffer, const float *values) {
  char text[TW_NUMBER_TEXT_SIZE];
  for (int i = 0; i < 3; i++) {
    tw_buffer_format(buffer, "%s%s", i == 0 ? "" : ",", tw_number_text_f32(values[i], text));
  }
}

static void append_value(tw_buffer *buffer, const field *field, const tw_preprocess *preprocess) {
  const char *member = (const char *)preprocess + field->offset;
  char text[TW_NUMBER_TEXT_SIZE];
  unsigned word;
  switch (field->kind) {
    case WORD:
      memcpy(&word, member, sizeof word);
      tw_buffer_text(buffer, word < MAX_WORDS && field->words[word] != NULL ? field->words[word] : "invalid");
      break;
    case CROP: tw_buffer_text(buffer, tw_number_text(preprocess->crop, text)); break;
    case SIZE: tw_buffer_format(buffer, "%ux%u", (unsigned)preprocess->width, (unsigned)preprocess->height); break;
    case TRIPLE: append_triple(buffer, (const float *)(const void *)member); break;
  }
}

char *tw_preprocess_text(const tw_preprocess *preprocess) {
  tw_buffer buffer = {0};
  for (size_t i = preprocess->decode == TW_DECODE_FULL ? OPTIONAL_COUNT : 0; i < FIELD_COUNT; i++) {
    tw_buffer_format(&buffer, "%s%s=", buffer.size == 0 ? "" : " ", FIELDS[i].name);
    append_value(&buffer, &FIELDS[i], preprocess);
  }
  char *text = buffer.failed ? NULL : tw_strndup((const char *)buffer.data, buffer.size);
  tw_buffer_done(&buffer);
  return text;
}

/* ---- Reading ----------------------------------------------------------------------------------------------------- */

static bool read_word(const char *value, const field *field, char *member) {
  for (unsigned i = 0; i < MAX_WORDS && field->words[i] != NULL; i++) {
    if (strcmp(value, field->words[i]) == 0) {
      memcpy(member, &i, sizeof i);
      return true;
    }
  }
  return false;
}

/* Decimal digits at *at, moved behind them: 1..TW_PREPROCESS_MAX_SIDE. */
static bool read_side(const char **at, uint32_t *ret) {
  uint32_t value = 0;
  const char *start = *at;
  for (; **at >= '0' && **at <= '9' && *at - start < 5; (*at)++) {
    value = value * 10 + (uint32_t)(**at - '0');
  }
  *ret = value;
  return value >= 1 && value <= TW_PREPROCESS_MAX_SIDE && *start != '0';
}

static bool read_size(const char *value, tw_preprocess *preprocess) {
  return read_side(&value, &preprocess->width) && *value++ == 'x' && read_side(&value, &preprocess->height) &&
         *value == '\0';
}

static bool read_triple(const char *value, float *members) {
  for (int i = 0; i < 3; i++) {
    char text[TW_NUMBER_TEXT_SIZE];
    double number;
    size_t length = strcspn(value, ",");
    if (length >= sizeof text || (value[length] == '\0') != (i == 2)) {
      return false;
    }
    memcpy(text, value, length);
    text[length] = '\0';
    if (!tw_number_parse(text, &number) || !isfinite((float)number)) {
      return false;
    }
    members[i] = (float)number;
    value += length + 1;
  }
  return true;
}

static bool read_value(const char *value, const field *field, tw_preprocess *preprocess) {
  char *member = (char *)preprocess + field->offset;
  switch (field->kind) {
    case WORD: return read_word(value, field, member);
    case CROP: return tw_number_parse(value, &preprocess->crop);
    case SIZE: return read_size(value, preprocess);
    case TRIPLE: return read_triple(value, (float *)(void *)member);
  }
  return false;
}

/* Reads one `name=value`, NUL-terminated; `seen` has a bit a field. */
static tw_status read_field(char *text, tw_preprocess *preprocess, unsigned *seen, tw_error *error) {
  char *equals = strchr(text, '=');
  if (equals == NULL) {
    return tw_error_set(error, TW_E_FORMAT, "preprocessing: '%.60s' has no '='; fields are written name=value", text);
  }
  *equals = '\0';
  for (size_t i = 0; i < FIELD_COUNT; i++) {
    if (strcmp(text, FIELDS[i].name) != 0) {
      continue;
    }
    if ((*seen & 1u << i) != 0) {
      return tw_error_set(error, TW_E_FORMAT, "preprocessing: field '%s' appears twice", text);
    }
    *seen |= 1u << i;
    if (!read_value(equals + 1, &FIELDS[i], preprocess)) {
      return tw_error_set(error, TW_E_FORMAT, "preprocessing: field '%s' is '%.60s', it must be %s", text, equals + 1,
                          FIELDS[i].wanted);
    }
    return TW_OK;
  }
  return tw_error_set(error, TW_E_FORMAT, "preprocessing: unknown field '%.60s'", text);
}

static tw_status read_fields(char *text, tw_preprocess *preprocess, tw_error *error) {
  unsigned seen = 0;
  char *rest = text;
  for (char *word; (word = strsep(&rest, " ")) != NULL;) {
    if (*word != '\0') {
      TW_TRY(read_field(word, preprocess, &seen, error));
    }
  }
  for (size_t i = OPTIONAL_COUNT; i < FIELD_COUNT; i++) {
    if ((seen & 1u << i) == 0) {
      return tw_error_set(error, TW_E_FORMAT, "preprocessing: field '%s' is missing, it must be %s", FIELDS[i].name,
                          FIELDS[i].wanted);
    }
  }
  tw_error found;
  tw_status status = tw_preprocess_check(preprocess, &found);
  return status == TW_OK ? TW_OK : tw_error_set(error, TW_E_FORMAT, "%s", found.message);
}

tw_status tw_preprocess_parse(const char *text, tw_preprocess *ret_preprocess, tw_error *error) {
  size_t length = strlen(text);
  if (length > TW_PREPROCESS_MAX_TEXT) {
    return tw_error_set(error, TW_E_LIMIT, "preprocessing: the text has %zu bytes, the limit is %d", length,
                        TW_PREPROCESS_MAX_TEXT);
  }
  char *copy = tw_strndup(text, length);
  if (copy == NULL) {
    return tw_error_memory(error);
  }
  tw_preprocess preprocess = {0};
  tw_status status = read_fields(copy, &preprocess, error);
  tw_free(copy);
  if (status == TW_OK) {
    *ret_preprocess = preprocess;
  }
  return status;
}

/* ---- Checking ---------------------------------------------------------------------------------------------------- */

static tw_status check_crop(const tw_preprocess *preprocess, tw_error *error) {
  uint32_t larger = preprocess->width > preprocess->height ? preprocess->width : preprocess->height;
  if (!(preprocess->crop > 0 && preprocess->crop <= 1)) {
    return tw_error_set(error, TW_E_ARGUMENT, "preprocessing: field 'crop' must be a number above 0 and not above 1");
  }
  if (preprocess->geometry == TW_GEOMETRY_SQUASH && preprocess->crop != 1) {
    return tw_error_set(error, TW_E_ARGUMENT, "preprocessing: field 'crop' must be 1 when 'geometry' is squash");
  }
  if (larger / preprocess->crop > TW_IMAGE_MAX_SIDE) {
    return tw_error_set(error, TW_E_LIMIT,
                        "preprocessing: size / crop gives pictures of more than %d pixels a side, 'crop' is too small",
                        TW_IMAGE_MAX_SIDE);
  }
  return TW_OK;
}

tw_status tw_preprocess_check(const tw_preprocess *preprocess, tw_error *error) {
  for (size_t i = 0; i < FIELD_COUNT; i++) {
    unsigned word;
    memcpy(&word, (const char *)preprocess + FIELDS[i].offset, sizeof word);
    if (FIELDS[i].kind == WORD && (word >= MAX_WORDS || FIELDS[i].words[word] == NULL)) {
      return tw_error_set(error, TW_E_ARGUMENT, "preprocessing: field '%s' must be %s", FIELDS[i].name,
                          FIELDS[i].wanted);
    }
  }
  if (preprocess->width < 1 || preprocess->width > TW_PREPROCESS_MAX_SIDE || preprocess->height < 1 ||
      preprocess->height > TW_PREPROCESS_MAX_SIDE) {
    return tw_error_set(error, TW_E_ARGUMENT, "preprocessing: field 'size' must be from 1x1 to %dx%d",
                        TW_PREPROCESS_MAX_SIDE, TW_PREPROCESS_MAX_SIDE);
  }
  TW_TRY(check_crop(preprocess, error));
  if (preprocess->filter == TW_FILTER_BILINEAR_LEGACY && preprocess->rounding != TW_ROUNDING_FLOAT) {
    return tw_error_set(error, TW_E_ARGUMENT,
                        "preprocessing: field 'rounding' must be float when 'filter' is bilinear-legacy");
  }
  for (int i = 0; i < 3; i++) {
    if (!isfinite(preprocess->mean[i]) || !isfinite(preprocess->scale[i]) || preprocess->scale[i] == 0) {
      return tw_error_set(error, TW_E_ARGUMENT,
                          "preprocessing: fields 'mean' and 'scale' must be three numbers, no scale of them 0");
    }
  }
  return TW_OK;
}

size_t tw_preprocess_count(const tw_preprocess *preprocess) {
  return (size_t)3 * preprocess->height * preprocess->width;
}
