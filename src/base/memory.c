/* Allocation, the one place where it can be made to fail, and arenas. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/base.h"

static size_t allocations_left; /* 0: never fail; 1: all fail from now on */

void tw_memory_fail_after(size_t n) {
  allocations_left = n;
}

static bool allocation_fails(void) {
  size_t left = __atomic_load_n(&allocations_left, __ATOMIC_RELAXED);
  if (left == 0) {
    return false;
  }
  if (left == 1) {
    return true;
  }
  __atomic_fetch_sub(&allocations_left, 1, __ATOMIC_RELAXED);
  return false;
}

bool tw_mul_size(size_t a, size_t b, size_t *ret) {
  return !__builtin_mul_overflow(a, b, ret);
}

bool tw_add_size(size_t a, size_t b, size_t *ret) {
  return !__builtin_add_overflow(a, b, ret);
}

void *tw_alloc(size_t count, size_t size) {
  if (allocation_fails()) {
    return NULL;
  }
  return calloc(count == 0 ? 1 : count, size == 0 ? 1 : size);
}

void *tw_realloc(void *memory, size_t count, size_t size) {
  size_t bytes;
  if (allocation_fails() || !tw_mul_size(count, size, &bytes)) {
    return NULL;
  }
  return realloc(memory, bytes == 0 ? 1 : bytes);
}

/* From here on memory is asked for in pages of 2 MiB: touching them for the first time is five times faster. */
#define LARGE_SIZE ((size_t)4 << 20)
#define LARGE_PAGE ((size_t)2 << 20)

void *tw_alloc_aligned(size_t size) {
  size_t rounded;
  size_t alignment = size < LARGE_SIZE ? 64 : LARGE_PAGE;
  if (allocation_fails() || !tw_add_size(size == 0 ? 1 : size, 63, &rounded)) {
    return NULL;
  }
  rounded &= ~(size_t)63;
  void *memory;
  if (posix_memalign(&memory, alignment, rounded) != 0) { /* aligned_alloc wants a multiple of the alignment */
    return NULL;
  }
  if (size >= LARGE_SIZE) {
    madvise(memory, rounded & ~(LARGE_PAGE - 1), MADV_HUGEPAGE); /* refused: then as before */
  }
  return memory;
}

void tw_free(void *memory) {
  free(memory);
}

char *tw_strndup(const char *text, size_t length) {
  size_t size;
  char *copy = tw_add_size(length, 1, &size) ? tw_realloc(NULL, size, 1) : NULL;
  if (copy != NULL) {
    memcpy(copy, text, length);
    copy[length] = '\0';
  }
  return copy;
}

char *tw_strdup(const char *text) {
  return tw_strndup(text, strlen(text));
}

char *tw_format(const char *format, ...) {
  va_list arguments;
  va_list again;
  va_start(arguments, format);
  va_copy(again, arguments);
  int length = vsnprintf(NULL, 0, format, arguments);
  va_end(arguments);
  char *text = length < 0 ? NULL : tw_realloc(NULL, (size_t)length + 1, 1);
  if (text != NULL) {
    vsnprintf(text, (size_t)length + 1, format, again);
  }
  va_end(again);
  return text;
}

/* ---- Arena ------------------------------------------------------------------------------------------------------- */

enum { BLOCK_SIZE = 64 * 1024 };

typedef struct block {
  struct block *next;
  size_t used;
  size_t capacity;
} block;

struct tw_arena {
  block *blocks; /* the one being filled comes first */
};

tw_arena *tw_arena_create(void) {
  return tw_alloc(1, sizeof(tw_arena));
}

void tw_arena_free(tw_arena *arena) {
  if (arena == NULL) {
    return;
  }
  for (block *at = arena->blocks; at != NULL;) {
    block *next = at->next;
    tw_free(at);
    at = next;
  }
  tw_free(arena);
}

/* Memory of its own when it is large, a piece of the current block otherwise. */
static void *take(tw_arena *arena, size_t size, size_t alignment) {
  enum { HEADER = 64 };
  _Static_assert(sizeof(block) <= HEADER, "a block's header fits before its first aligned byte");
  block *at = arena->blocks;
  if (at != NULL) {
    size_t offset = (at->used + alignment - 1) & ~(alignment - 1);
    if (offset <= at->capacity && size <= at->capacity - offset) {
      at->used = offset + size;
      return (char *)at + HEADER + offset;
    }
  }
  bool large = size > BLOCK_SIZE / 4;
  size_t capacity = large ? size : BLOCK_SIZE;
  size_t bytes;
  block *fresh = tw_add_size(capacity, HEADER, &bytes) ? tw_alloc_aligned(bytes) : NULL;
  if (fresh == NULL) {
    return NULL;
  }
  *fresh = (block){.used = size, .capacity = capacity};
  if (large && at != NULL) {
    fresh->next = at->next;
    at->next = fresh;
  } else {
    fresh->next = at;
    arena->blocks = fresh;
  }
  return (char *)fresh + HEADER;
}

void *tw_arena_alloc(tw_arena *arena, size_t count, size_t size) {
  size_t bytes;
  void *memory = tw_mul_size(count, size, &bytes) ? take(arena, bytes == 0 ? 1 : bytes, 16) : NULL;
  if (memory != NULL) {
    memset(memory, 0, bytes);
  }
  return memory;
}

void *tw_arena_aligned(tw_arena *arena, size_t size) {
  return take(arena, size == 0 ? 1 : size, 64);
}

char *tw_arena_strndup(tw_arena *arena, const char *text, size_t length) {
  size_t size;
  char *copy = tw_add_size(length, 1, &size) ? take(arena, size, 1) : NULL;
  if (copy != NULL) {
    memcpy(copy, text, length);
    copy[length] = '\0';
  }
  return copy;
}

char *tw_arena_strdup(tw_arena *arena, const char *text) {
  return tw_arena_strndup(arena, text, strlen(text));
}
