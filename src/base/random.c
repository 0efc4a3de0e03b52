/* xoshiro256** 1.0, seeded by splitmix64, after https://prng.di.unimi.it (Blackman and Vigna). */
#include "base/base.h"

static uint64_t rotate_left(uint64_t value, int by) {
  return value << by | value >> (64 - by);
}

void tw_random_init(tw_random *random, uint64_t seed) {
  for (int i = 0; i < 4; i++) {
    seed += 0x9e3779b97f4a7c15u;
    uint64_t mixed = (seed ^ seed >> 30) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebu;
    random->state[i] = mixed ^ mixed >> 31;
  }
}

uint64_t tw_random_u64(tw_random *random) {
  uint64_t *s = random->state;
  uint64_t result = rotate_left(s[1] * 5, 7) * 9;
  uint64_t t = s[1] << 17;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= t;
  s[3] = rotate_left(s[3], 45);
  return result;
}

double tw_random_unit(tw_random *random) {
  return (double)(tw_random_u64(random) >> 11) * 0x1p-53;
}

uint64_t tw_random_below(tw_random *random, uint64_t bound) {
  uint64_t reject = -bound % bound; /* 2^64 mod bound: below it the remainder would be biased */
  uint64_t value;
  do {
    value = tw_random_u64(random);
  } while (value < reject);
  return value % bound;
}
