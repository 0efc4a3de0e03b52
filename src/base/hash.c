/* XXH3-128 of content, and of sequences of pieces. */
#include <string.h>
#include <xxhash.h>

#include "base/base.h"

static tw_hash canonical(XXH128_hash_t hash) {
  XXH128_canonical_t bytes;
  XXH128_canonicalFromHash(&bytes, hash);
  tw_hash result;
  memcpy(result.bytes, bytes.digest, sizeof result.bytes);
  return result;
}

tw_hash tw_hash_of(const void *data, size_t size) {
  return canonical(XXH3_128bits(data, size));
}

char *tw_hash_text(const tw_hash *hash, char text[TW_HASH_TEXT_SIZE]) {
  for (size_t i = 0; i < sizeof hash->bytes; i++) {
    snprintf(text + 2 * i, 3, "%02x", hash->bytes[i]);
  }
  return text;
}

static int hex_value(char digit) {
  return digit >= '0' && digit <= '9' ? digit - '0' : digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

bool tw_hash_parse(const char *text, tw_hash *ret) {
  if (strlen(text) != 2 * sizeof ret->bytes) {
    return false;
  }
  tw_hash hash;
  for (size_t i = 0; i < sizeof hash.bytes; i++) {
    int high = hex_value(text[2 * i]);
    int low = hex_value(text[2 * i + 1]);
    if (high < 0 || low < 0) {
      return false;
    }
    hash.bytes[i] = (uint8_t)(high * 16 + low);
  }
  *ret = hash;
  return true;
}

int tw_hash_compare(const tw_hash *a, const tw_hash *b) {
  return memcmp(a->bytes, b->bytes, sizeof a->bytes);
}

int tw_hash_order(const void *a, const void *b) {
  return tw_hash_compare(a, b);
}

struct tw_hasher {
  XXH3_state_t *state;
};

tw_hasher *tw_hasher_create(void) {
  tw_hasher *hasher = tw_alloc(1, sizeof *hasher);
  if (hasher == NULL) {
    return NULL;
  }
  hasher->state = XXH3_createState();
  if (hasher->state == NULL) {
    tw_free(hasher);
    return NULL;
  }
  XXH3_128bits_reset(hasher->state);
  return hasher;
}

void tw_hasher_add(tw_hasher *hasher, const void *data, size_t size) {
  if (size != 0) {
    XXH3_128bits_update(hasher->state, data, size);
  }
}

void tw_hasher_add_u64(tw_hasher *hasher, uint64_t value) {
  uint8_t bytes[8];
  for (size_t i = 0; i < sizeof bytes; i++) {
    bytes[i] = (uint8_t)(value >> 8 * i);
  }
  tw_hasher_add(hasher, bytes, sizeof bytes);
}

void tw_hasher_add_text(tw_hasher *hasher, const char *text) {
  size_t length = strlen(text);
  tw_hasher_add_u64(hasher, length);
  tw_hasher_add(hasher, text, length);
}

tw_hash tw_hasher_result(const tw_hasher *hasher) {
  return canonical(XXH3_128bits_digest(hasher->state));
}

void tw_hasher_free(tw_hasher *hasher) {
  if (hasher != NULL) {
    XXH3_freeState(hasher->state);
    tw_free(hasher);
  }
}
