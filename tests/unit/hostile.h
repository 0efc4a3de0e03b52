/* Bytes made to hurt, for the tests of networks in every format: flipped ones and cuts. */
#ifndef TW_TEST_HOSTILE_H
#define TW_TEST_HOSTILE_H

#include "base/base.h"
#include "support.h"

/* Uses a file as the test wants; `all`: does everything that is done to a network, too. Whether it worked. */
typedef bool (*hostile_use)(tw_bytes file, bool all);

/* `count` times a byte is changed and changed back. */
static inline void hostile_flip(hostile_use use, uint8_t *bytes, size_t size, size_t count, size_t all_every) {
  tw_random random;
  tw_random_init(&random, 2015);
  for (size_t i = 0; i < count; i++) {
    size_t at = (size_t)tw_random_below(&random, size);
    uint8_t mask = (uint8_t)(1 + tw_random_below(&random, 255));
    bytes[at] ^= mask;
    use((tw_bytes){bytes, size}, i % all_every == 0);
    bytes[at] ^= mask;
  }
}

/* The first `size` bytes, in memory of exactly that size. */
static inline bool hostile_cut(hostile_use use, tw_bytes file, size_t size) {
  uint8_t *cut = tw_alloc(size, 1);
  assert_non_null(cut);
  if (size != 0) {
    memcpy(cut, file.data, size);
  }
  bool worked = use((tw_bytes){cut, size}, false);
  tw_free(cut);
  return worked;
}

#endif
