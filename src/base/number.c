/* Numbers as text, whatever the locale, and the small floating-point formats. */
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

/* printf and strtod use the locale's decimal point; a file must not. */
static void point_to_dot(char *text) {
  const char *point = localeconv()->decimal_point;
  size_t length = strlen(point);
  char *at = strcmp(point, ".") == 0 ? NULL : strstr(text, point);
  if (at != NULL) {
    *at = '.';
    memmove(at + 1, at + length, strlen(at + length) + 1);
  }
}

/* What is no number, and small whole numbers, which the shortest form would write as 1e+01. */
static bool special_text(double value, char *text) {
  const char *word = isnan(value) ? "nan" : !isinf(value) ? NULL : value > 0 ? "inf" : "-inf";
  if (word != NULL) {
    memcpy(text, word, strlen(word) + 1);
    return true;
  }
  bool plain = fabs(value) < 1e6 && value == trunc(value);
  if (plain) {
    snprintf(text, TW_NUMBER_TEXT_SIZE, "%.0f", value);
  }
  return plain;
}

char *tw_number_text(double value, char text[TW_NUMBER_TEXT_SIZE]) {
  if (!special_text(value, text)) {
    for (int digits = 1; digits <= 17; digits++) {
      snprintf(text, TW_NUMBER_TEXT_SIZE, "%.*g", digits, value);
      if (strtod(text, NULL) == value) {
        break;
      }
    }
    point_to_dot(text);
  }
  return text;
}

char *tw_number_text_f32(float value, char text[TW_NUMBER_TEXT_SIZE]) {
  if (!special_text((double)value, text)) {
    for (int digits = 1; digits <= 9; digits++) {
      snprintf(text, TW_NUMBER_TEXT_SIZE, "%.*g", digits, (double)value);
      if (strtof(text, NULL) == value) {
        break;
      }
    }
    point_to_dot(text);
  }
  return text;
}

bool tw_number_parse(const char *text, double *ret) {
  size_t length = strlen(text);
  if (length == 0 || length > 64 || strspn(text, "+-.0123456789eE") != length) {
    return false;
  }
  static locale_t c_locale; /* made once, never changed: newlocale is thread-safe and the winner is kept */
  locale_t locale = __atomic_load_n(&c_locale, __ATOMIC_ACQUIRE);
  if (locale == (locale_t)0) {
    locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    locale_t expected = (locale_t)0;
    if (locale == (locale_t)0) {
      return false;
    }
    if (!__atomic_compare_exchange_n(&c_locale, &expected, locale, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
      freelocale(locale);
      locale = expected;
    }
  }
  char *end;
  double value = strtod_l(text, &end, locale);
  if (*end != '\0' || !isfinite(value)) {
    return false;
  }
  *ret = value;
  return true;
}

static float bits_to_float(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static uint32_t float_to_bits(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

float tw_f16_to_f32(uint16_t half) {
  uint32_t sign = (uint32_t)(half & 0x8000) << 16;
  uint32_t exponent = half >> 10 & 31;
  uint32_t mantissa = half & 0x3ff;
  if (exponent == 0) {
    float magnitude = (float)mantissa * 0x1p-24f;
    return bits_to_float(sign | float_to_bits(magnitude));
  }
  if (exponent == 31) {
    return bits_to_float(sign | 0x7f800000u | mantissa << 13);
  }
  return bits_to_float(sign | (exponent + 112) << 23 | mantissa << 13);
}

uint16_t tw_f32_to_f16(float value) {
  uint32_t bits = float_to_bits(value);
  uint32_t sign = bits >> 16 & 0x8000;
  uint32_t magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) {
    return (uint16_t)(sign | 0x7e00);
  }
  if (magnitude >= 0x477ff000) { /* 65520 and above round to infinity */
    return (uint16_t)(sign | 0x7c00);
  }
  if (magnitude < 0x38800000) { /* below 2^-14: subnormal, rounded by the addition itself */
    float shifted = bits_to_float(magnitude) + 0.5f;
    return (uint16_t)(sign | (float_to_bits(shifted) - 0x3f000000));
  }
  uint32_t rounded = magnitude + 0xfff + (magnitude >> 13 & 1);
  return (uint16_t)(sign | (rounded - 0x38000000) >> 13);
}

float tw_bf16_to_f32(uint16_t half) {
  return bits_to_float((uint32_t)half << 16);
}

uint32_t tw_load_u32(const uint8_t *bytes) {
  return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

uint64_t tw_load_u64(const uint8_t *bytes) {
  return (uint64_t)tw_load_u32(bytes) | (uint64_t)tw_load_u32(bytes + 4) << 32;
}
