/* Checks the structure of an LMDB data file. LMDB trusts its pages: a file that a disk error or a careless copy has
 * damaged makes it read outside its map and end the process. This walk over all pages of the tree (not over the values)
 * makes sure beforehand that every offset, length and page number leads where it may. Knows the file format of LMDB
 * 0.9 (MDB_DATA_VERSION 1, 64 bits, the machine's own byte order) and nothing of features.
 *
 * The format, from mdb.c: page 0 and 1 hold a meta record each, the one with the larger transaction number counts. A
 * page begins with its own number (8 bytes), 2 bytes of padding, flags (2), `lower` (2) and `upper` (2), then 2-byte
 * offsets of nodes up to `lower`; the nodes fill `upper` to the page's end without gaps. A node: 2 + 2 bytes (low and
 * high half of a data size or page number), flags (2), key size (2), key, data. Values that do not fit lie on
 * consecutive overflow pages after one page header. */
#include "features/cache_check.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
  PAGE_HEADER = 16,
  NODE_HEADER = 8,
  META_SIZE = 152, /* with the page's header */
  META_PAGE_SIZE = 40,
  META_FLAGS = 44,
  META_DB_FREE = 40,
  META_DB_MAIN = 88,
  META_LAST_PAGE = 136,
  META_TRANSACTION = 144,
  DB_FLAGS = 4,
  DB_DEPTH = 6,
  DB_ROOT = 40,
  FLAG_BRANCH = 1,
  FLAG_LEAF = 2,
  FLAG_OVERFLOW = 4,
  FLAG_META = 8,
  NODE_BIG = 1,
  MAX_DEPTH = 32,
  MIN_PAGE = 4096,
  MAX_PAGE = 32768,    /* LMDB's own bound */
  FLAGS = 0x4008,      /* MDB_NOSUBDIR, and MDB_INTEGERKEY for the list of free pages */
  UNWRITTEN = 1 << 20, /* pages taken and given back within one transaction are counted, but not in the file */
};
_Static_assert(sizeof(size_t) == 8, "the layout below is that of 64-bit machines");
#define META_MAGIC 0xBEEFC0DEu
#define META_VERSION 1u
#define NO_PAGE UINT64_MAX

static uint16_t u16_at(const uint8_t *bytes) {
  uint16_t value;
  memcpy(&value, bytes, sizeof value);
  return value;
}

static uint32_t u32_at(const uint8_t *bytes) {
  uint32_t value;
  memcpy(&value, bytes, sizeof value);
  return value;
}

static uint64_t u64_at(const uint8_t *bytes) {
  uint64_t value;
  memcpy(&value, bytes, sizeof value);
  return value;
}

static tw_status meta_check(const uint8_t *meta, unsigned number, off_t size, tw_error *error) {
  if ((u16_at(meta + 10) & FLAG_META) == 0 || u32_at(meta + PAGE_HEADER) != META_MAGIC) {
    return tw_error_set(error, TW_E_FORMAT, "page %u is no head of a cache", number);
  }
  if (u32_at(meta + PAGE_HEADER + 4) != META_VERSION) {
    return tw_error_set(error, TW_E_FORMAT, "was written by another version of LMDB");
  }
  uint32_t page = u32_at(meta + META_PAGE_SIZE);
  if (page < MIN_PAGE || page > MAX_PAGE || (page & (page - 1)) != 0) {
    return tw_error_set(error, TW_E_FORMAT, "has pages of %u bytes", page);
  }
  if (u16_at(meta + META_FLAGS) != FLAGS || u16_at(meta + META_DB_MAIN + DB_FLAGS) != 0) {
    return tw_error_set(error, TW_E_FORMAT, "page %u has flags that no cache has", number);
  }
  uint64_t last = u64_at(meta + META_LAST_PAGE);
  uint64_t whole = (uint64_t)size / page;
  if (last < 1 || last > whole + UNWRITTEN) {
    return tw_error_set(error, TW_E_FORMAT, "is cut off: it has %llu pages of %llu", (unsigned long long)whole,
                        (unsigned long long)last + 1);
  }
  return TW_OK;
}

tw_status tw_cache_check_header(int file, tw_error *error) {
  uint8_t meta[META_SIZE];
  struct stat status;
  if (fstat(file, &status) != 0 || status.st_size == 0) {
    return TW_OK;
  }
  if (pread(file, meta, sizeof meta, 0) != (ssize_t)sizeof meta) {
    return tw_error_set(error, TW_E_FORMAT, "ends within its first page");
  }
  TW_TRY(meta_check(meta, 0, status.st_size, error));
  uint32_t page = u32_at(meta + META_PAGE_SIZE);
  if (status.st_size < 2 * (off_t)page || pread(file, meta, sizeof meta, (off_t)page) != (ssize_t)sizeof meta) {
    return tw_error_set(error, TW_E_FORMAT, "ends within its second page");
  }
  TW_TRY(meta_check(meta, 1, status.st_size, error));
  return u32_at(meta + META_PAGE_SIZE) == page ? TW_OK
                                               : tw_error_set(error, TW_E_FORMAT, "its first two pages do not agree");
}

/* ---- The tree ---------------------------------------------------------------------------------------------------- */

typedef struct check {
  const uint8_t *data;
  size_t page;    /* bytes of one */
  uint64_t count; /* pages the snapshot may use */
  uint64_t whole; /* pages that lie wholly in the file */
  uint8_t *seen;  /* a bit a page */
  bool free_list; /* the tree under way is the one of free pages */
  tw_error *error;
} check;

static tw_status damaged(const check *check, uint64_t page, const char *what) {
  return tw_error_set(check->error, TW_E_FORMAT, "page %llu %s", (unsigned long long)page, what);
}

/* Takes `count` pages from `page` on: each may be taken once. `in_file`: they are to be read. */
static tw_status take(check *check, uint64_t page, uint64_t count, bool in_file) {
  if (page < 2 || page >= check->count || count > check->count - page) {
    return damaged(check, page, "lies outside the cache");
  }
  if (in_file && (page >= check->whole || count > check->whole - page)) {
    return damaged(check, page, "is missing: the file is cut off");
  }
  for (uint64_t at = page; at < page + count; at++) {
    uint8_t bit = (uint8_t)(1u << (at & 7));
    if ((check->seen[at >> 3] & bit) != 0) {
      return damaged(check, at, "is used twice");
    }
    check->seen[at >> 3] |= bit;
  }
  return TW_OK;
}

/* A record of the list of free pages: a count, then so many page numbers. */
static tw_status free_record(check *check, uint64_t page, const uint8_t *data, size_t size) {
  if (size < 8 || u64_at(data) > size / 8 - 1) {
    return damaged(check, page, "has a wrong list of free pages");
  }
  uint64_t count = u64_at(data);
  for (uint64_t i = 1; i <= count; i++) {
    uint64_t free_page = u64_at(data + 8 * i);
    if (i > 1 && free_page >= u64_at(data + 8 * (i - 1))) {
      return damaged(check, page, "has a list of free pages out of order");
    }
    TW_TRY(take(check, free_page, 1, false));
  }
  return TW_OK;
}

/* A value on pages of its own, `size` bytes. Only the free list's are looked into. */
static tw_status big_value(check *check, uint64_t page, const uint8_t *where, size_t size) {
  uint64_t first = u64_at(where);
  uint64_t pages = (PAGE_HEADER + (uint64_t)size + check->page - 1) / check->page;
  TW_TRY(take(check, first, pages, true));
  if (!check->free_list) {
    return TW_OK;
  }
  const uint8_t *header = check->data + first * check->page;
  if (u16_at(header + 10) != FLAG_OVERFLOW || u32_at(header + 12) != pages) {
    return damaged(check, first, "is no page of a large value");
  }
  return free_record(check, page, header + PAGE_HEADER, size);
}

/* Checks the node's bounds; *ret_size: bytes it takes in the page. */
static tw_status node_bounds(const check *check, uint64_t page, const uint8_t *base, size_t offset, bool branch,
                             size_t *ret_size) {
  size_t room = check->page - offset;
  if (offset > check->page - NODE_HEADER) {
    return damaged(check, page, "has a node beyond its end");
  }
  const uint8_t *node = base + offset;
  size_t key = u16_at(node + 6);
  size_t data = 0;
  if (!branch) {
    uint16_t flags = u16_at(node + 4);
    if ((flags & ~NODE_BIG) != 0 || key == 0 || (check->free_list && key != 8)) {
      return damaged(check, page, "has a node of an unknown kind");
    }
    data = flags == NODE_BIG ? 8 : u32_at(node);
  }
  size_t size = (NODE_HEADER + key + data + 1) & ~(size_t)1;
  if (size > room) {
    return damaged(check, page, "has a node beyond its end");
  }
  *ret_size = size;
  return TW_OK;
}

/* Keys of the main tree compare as bytes, of the free list as numbers; both strictly ascend. */
static bool ascends(const check *check, const uint8_t *node, const uint8_t *next) {
  size_t size = u16_at(node + 6);
  size_t next_size = u16_at(next + 6);
  if (check->free_list) {
    return u64_at(node + NODE_HEADER) < u64_at(next + NODE_HEADER);
  }
  int order = memcmp(node + NODE_HEADER, next + NODE_HEADER, size < next_size ? size : next_size);
  return order < 0 || (order == 0 && size < next_size);
}

static tw_status tree(check *check, uint64_t page, unsigned depth);

static tw_status node_check(check *check, uint64_t page, const uint8_t *node, unsigned depth) {
  if (depth > 1) {
    uint64_t child = (uint64_t)u16_at(node) | (uint64_t)u16_at(node + 2) << 16 | (uint64_t)u16_at(node + 4) << 32;
    return tree(check, child, depth - 1);
  }
  size_t size = u32_at(node);
  const uint8_t *data = node + NODE_HEADER + u16_at(node + 6);
  if (u16_at(node + 4) == NODE_BIG) {
    return big_value(check, page, data, size);
  }
  return check->free_list ? free_record(check, page, data, size) : TW_OK;
}

/* The page at the top of a tree of `depth` levels, and all below. */
static tw_status tree(check *check, uint64_t page, unsigned depth) {
  TW_TRY(take(check, page, 1, true));
  const uint8_t *base = check->data + page * check->page;
  size_t lower = u16_at(base + 12);
  size_t upper = u16_at(base + 14);
  bool branch = depth > 1;
  if (u64_at(base) != page || u16_at(base + 10) != (branch ? FLAG_BRANCH : FLAG_LEAF)) {
    return damaged(check, page, "is not what its place demands");
  }
  size_t count = lower < PAGE_HEADER ? 0 : (lower - PAGE_HEADER) / 2;
  if (count < (branch ? 2 : 1) || lower % 2 != 0 || lower > upper || upper > check->page) {
    return damaged(check, page, "has wrong bounds");
  }
  size_t used = 0;
  const uint8_t *before = NULL;
  for (size_t i = 0; i < count; i++) {
    size_t offset = u16_at(base + PAGE_HEADER + 2 * i);
    size_t size;
    if (offset < upper || offset % 2 != 0) {
      return damaged(check, page, "has a node outside its bounds");
    }
    TW_TRY(node_bounds(check, page, base, offset, branch, &size));
    used += size;
    if (before != NULL && !branch && !ascends(check, before, base + offset)) {
      return damaged(check, page, "has keys out of order");
    }
    before = base + offset;
  }
  if (used != check->page - upper) {
    return damaged(check, page, "has gaps or overlapping nodes");
  }
  for (size_t i = 0; i < count; i++) {
    TW_TRY(node_check(check, page, base + u16_at(base + PAGE_HEADER + 2 * i), depth));
  }
  return TW_OK;
}

static tw_status database(check *check, const uint8_t *db, bool free_list) {
  uint64_t root = u64_at(db + DB_ROOT);
  unsigned depth = u16_at(db + DB_DEPTH);
  check->free_list = free_list;
  if (root == NO_PAGE) {
    return TW_OK;
  }
  if (depth == 0 || depth > MAX_DEPTH) {
    return tw_error_set(check->error, TW_E_FORMAT, "is said to be %u levels deep", depth);
  }
  return tree(check, root, depth);
}

static tw_status snapshot(const uint8_t *data, size_t size, size_t transaction, tw_error *error) {
  check check = {.data = data, .page = u32_at(data + META_PAGE_SIZE), .error = error};
  uint8_t meta[META_SIZE];
  memcpy(meta, data + (transaction & 1) * check.page, sizeof meta);
  if (u64_at(meta + META_TRANSACTION) != transaction) {
    return tw_error_set(error, TW_E_FORMAT, "its first pages do not name the state it is in");
  }
  check.whole = size / check.page;
  check.count = u64_at(meta + META_LAST_PAGE) + 1;
  check.seen = tw_alloc((size_t)(check.count / 8) + 1, 1);
  if (check.seen == NULL) {
    return tw_error_memory(error);
  }
  tw_status status = database(&check, meta + META_DB_MAIN, false);
  status = status == TW_OK ? database(&check, meta + META_DB_FREE, true) : status;
  tw_free(check.seen);
  return status;
}

tw_status tw_cache_check_snapshot(int file, size_t transaction, tw_error *error) {
  struct stat status;
  if (transaction == 0) { /* nothing was ever written */
    return TW_OK;
  }
  if (fstat(file, &status) != 0 || status.st_size < 2 * MIN_PAGE) {
    return tw_error_set(error, TW_E_FORMAT, "is cut off");
  }
  size_t size = (size_t)status.st_size;
  void *data = mmap(NULL, size, PROT_READ, MAP_SHARED, file, 0);
  if (data == MAP_FAILED) {
    return tw_error_memory(error);
  }
  tw_status result = tw_cache_check_header(file, error);
  result = result == TW_OK ? snapshot(data, size, transaction, error) : result;
  munmap(data, size);
  return result;
}
