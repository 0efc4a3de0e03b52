/* Fuzz target: a .npy file. What is read must have as many bytes as it says, and convert in one piece and in parts to
 * the same numbers. */
#include <stdlib.h>
#include <string.h>

#include "formats/formats.h"

enum { MAX_COUNT = 1 << 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool fine) {
  if (!fine) {
    abort();
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static float whole[MAX_COUNT];
  static float part[MAX_COUNT];
  tw_npy npy;
  tw_error error = {0};
  if (tw_npy_read((tw_bytes){data, size}, &npy, &error) != TW_OK) {
    check(error.message[0] != '\0');
    return 0;
  }
  check(npy.data.size == npy.count * npy.item_size && npy.data.data + npy.data.size == data + size);
  if (npy.kind != 'f' || npy.count > MAX_COUNT) {
    return 0;
  }
  check(tw_npy_to_f32(&npy, 0, npy.count, whole, &error) == TW_OK);
  size_t half = npy.count / 2;
  check(tw_npy_to_f32(&npy, 0, half, part, &error) == TW_OK);
  check(tw_npy_to_f32(&npy, half, npy.count - half, part + half, &error) == TW_OK);
  check(memcmp(whole, part, npy.count * sizeof *whole) == 0);
  return 0;
}
