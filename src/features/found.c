/* What a walk has found, put in order: classes sorted, pictures sorted within them, repeated links dropped. The walk
 * itself may meet files in any order; the listing depends only on names and contents. */
#include <stdlib.h>
#include <string.h>

#include "features/walk.h"

tw_status tw_grow(void **array, size_t count, size_t *capacity, size_t size, tw_error *error) {
  if (count < *capacity) {
    return TW_OK;
  }
  size_t wanted = *capacity == 0 ? 16 : *capacity;
  if (*capacity != 0 && !tw_mul_size(wanted, 2, &wanted)) {
    return tw_error_memory(error);
  }
  void *grown = tw_realloc(*array, wanted, size);
  if (grown == NULL) {
    return tw_error_memory(error);
  }
  *array = grown;
  *capacity = wanted;
  return TW_OK;
}

/* ---- The set of inodes ------------------------------------------------------------------------------------------- */

static bool slot_free(const tw_inode *slot) {
  return slot->device == 0 && slot->number == 0;
}

/* The slot that holds `inode`, or the free one where it belongs. */
static tw_inode *slot_of(const tw_inode_set *set, tw_inode inode) {
  uint64_t mixed = ((uint64_t)inode.number * 0x9e3779b97f4a7c15u ^ (uint64_t)inode.device) + inode.scope;
  mixed = (mixed ^ mixed >> 31) * 0xbf58476d1ce4e5b9u;
  for (size_t at = (size_t)(mixed >> 16);; at++) {
    tw_inode *slot = &set->slots[at & (set->capacity - 1)];
    if (slot_free(slot) ||
        (slot->number == inode.number && slot->device == inode.device && slot->scope == inode.scope)) {
      return slot;
    }
  }
}

static tw_status set_double(tw_inode_set *set, tw_error *error) {
  tw_inode_set larger = {.count = set->count, .capacity = set->capacity == 0 ? 64 : set->capacity * 2};
  larger.slots = tw_alloc(larger.capacity, sizeof *larger.slots);
  if (larger.slots == NULL) {
    return tw_error_memory(error);
  }
  for (size_t i = 0; i < set->capacity; i++) {
    if (!slot_free(&set->slots[i])) {
      *slot_of(&larger, set->slots[i]) = set->slots[i];
    }
  }
  tw_free(set->slots);
  *set = larger;
  return TW_OK;
}

tw_status tw_inode_set_add(tw_inode_set *set, tw_inode inode, bool *ret_added, tw_error *error) {
  if (set->count + 1 > set->capacity / 2) {
    TW_TRY(set_double(set, error));
  }
  tw_inode *slot = slot_of(set, inode);
  bool fresh = slot_free(slot);
  if (fresh) {
    *slot = inode;
    set->count++;
  }
  *ret_added = fresh;
  return TW_OK;
}

void tw_inode_set_done(tw_inode_set *set) {
  tw_free(set->slots);
  *set = (tw_inode_set){0};
}

/* ---- Entries ----------------------------------------------------------------------------------------------------- */

static void entry_done(tw_entry *entry) {
  tw_free(entry->path);
  tw_free(entry->reason);
}

tw_status tw_found_add(tw_found *found, tw_entry entry, tw_error *error) {
  tw_status status = TW_OK;
  if (entry.path == NULL || (entry.kind == TW_ENTRY_SKIPPED && entry.reason == NULL)) {
    status = tw_error_memory(error);
  } else if (found->count + found->ignored >= TW_WALK_MAX_FILES) {
    status = tw_error_set(error, TW_E_LIMIT, "%s: more than %zu files", entry.path, TW_WALK_MAX_FILES);
  } else {
    status = tw_grow((void **)&found->entries, found->count, &found->capacity, sizeof *found->entries, error);
  }
  if (status != TW_OK) {
    entry_done(&entry);
    return status;
  }
  found->entries[found->count++] = entry;
  return TW_OK;
}

void tw_found_done(tw_found *found) {
  for (size_t i = 0; i < found->count; i++) {
    entry_done(&found->entries[i]);
  }
  for (size_t i = 0; i < found->root_count; i++) {
    tw_free(found->roots[i].name);
    tw_free(found->roots[i].relative);
  }
  tw_free(found->entries);
  tw_free(found->roots);
  *found = (tw_found){0};
}

static int compare_paths(const void *a, const void *b) {
  return strcmp(((const tw_entry *)a)->path, ((const tw_entry *)b)->path);
}

tw_status tw_found_settle(tw_found *found, size_t first, tw_error *error) {
  if (found->count == first) {
    return TW_OK;
  }
  qsort(found->entries + first, found->count - first, sizeof *found->entries, compare_paths);
  tw_inode_set targets = {0};
  tw_status status = TW_OK;
  size_t kept = first;
  size_t at = first;
  for (; at < found->count && status == TW_OK; at++) {
    tw_entry *entry = &found->entries[at];
    bool fresh = true;
    if (entry->linked) {
      entry->target.scope = entry->root; /* under two classes it stays twice, so that the contradiction is seen */
      status = tw_inode_set_add(&targets, entry->target, &fresh, error);
    }
    if (fresh) {
      found->entries[kept++] = *entry;
    } else {
      entry_done(entry);
      found->ignored++;
    }
  }
  if (at > kept) {
    memmove(found->entries + kept, found->entries + at, (found->count - at) * sizeof *found->entries);
  }
  found->count -= at - kept;
  tw_inode_set_done(&targets);
  return status;
}

/* ---- The listing ------------------------------------------------------------------------------------------------- */

static int compare_names(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static tw_status not_utf8(const char *folder, const tw_root *root, tw_error *error) {
  tw_buffer readable = {0};
  tw_utf8_append_replaced(&readable, root->relative);
  if (!readable.failed) {
    tw_error_set(error, TW_E_DATA, "%s: the name of the folder '%s' is not UTF-8, so it cannot name a class: rename it",
                 folder, (const char *)readable.data);
  } else {
    tw_error_memory(error);
  }
  tw_status status = readable.failed ? TW_E_MEMORY : TW_E_DATA;
  tw_buffer_done(&readable);
  return status;
}

/* Names of the roots that hold a picture, each once, sorted, into listing->classes; the other roots into
 * listing->empty. Both arrays have room for all roots. */
static tw_status name_classes(tw_found *found, const char *folder, tw_listing *listing, tw_error *error) {
  for (size_t i = 0; i < found->root_count; i++) {
    tw_root *root = &found->roots[i];
    if (root->pictures == 0) {
      listing->empty[listing->empty_count++] = root->relative;
      root->relative = NULL;
      continue;
    }
    if (!tw_utf8_valid(root->name, strlen(root->name))) {
      return not_utf8(folder, root, error);
    }
    char *name = tw_strdup(root->name);
    if (name == NULL) {
      return tw_error_memory(error);
    }
    listing->classes[listing->class_count++] = name;
  }
  qsort(listing->empty, listing->empty_count, sizeof(char *), compare_names);
  qsort(listing->classes, listing->class_count, sizeof(char *), compare_names);
  size_t kept = 0;
  for (size_t i = 0; i < listing->class_count; i++) {
    if (kept > 0 && strcmp(listing->classes[kept - 1], listing->classes[i]) == 0) {
      tw_free(listing->classes[i]);
    } else {
      listing->classes[kept++] = listing->classes[i];
    }
  }
  listing->class_count = kept;
  return TW_OK;
}

static void label_roots(tw_found *found, const tw_listing *listing) {
  for (size_t i = 0; i < found->root_count; i++) {
    tw_root *root = &found->roots[i];
    char *const *class = bsearch(&root->name, listing->classes, listing->class_count, sizeof(char *), compare_names);
    root->label = class == NULL ? 0 : (size_t)(class - listing->classes);
  }
}

/* Moves entries into the listing's arrays, which have room. Entries come sorted by path. */
static void move_entries(tw_found *found, tw_listing *listing) {
  for (size_t i = 0; i < found->count; i++) {
    tw_entry *entry = &found->entries[i];
    if (entry->kind == TW_ENTRY_PICTURE) {
      const tw_root *root = entry->root == TW_NO_ROOT ? NULL : &found->roots[entry->root];
      listing->pictures[listing->count++] = (tw_picture){
          .path = entry->path,
          .label = root == NULL ? 0 : (uint32_t)root->label,
          .part = root == NULL ? TW_GIVEN_NONE : (uint8_t)root->part,
      };
    } else if (entry->kind == TW_ENTRY_LOOSE) {
      listing->loose[listing->loose_count++] = entry->path;
    } else {
      listing->skipped[listing->skipped_count++] = (tw_skipped){entry->path, entry->reason};
      entry->reason = NULL;
    }
    entry->path = NULL;
  }
}

/* Sorts pictures that are sorted by path by class, keeping that order within a class. */
static tw_status group_by_class(tw_listing *listing, tw_error *error) {
  size_t *next = tw_alloc(listing->class_count + 1, sizeof *next);
  tw_picture *grouped = tw_alloc(listing->count, sizeof *grouped);
  if (next == NULL || grouped == NULL) {
    tw_free(next);
    tw_free(grouped);
    return tw_error_memory(error);
  }
  for (size_t i = 0; i < listing->count; i++) {
    next[listing->pictures[i].label + 1]++;
  }
  for (size_t i = 0; i < listing->class_count; i++) {
    next[i + 1] += next[i];
  }
  for (size_t i = 0; i < listing->count; i++) {
    grouped[next[listing->pictures[i].label]++] = listing->pictures[i];
  }
  tw_free(next);
  tw_free(listing->pictures);
  listing->pictures = grouped;
  return TW_OK;
}

static tw_status fill_listing(tw_found *found, const char *folder, tw_listing *listing, tw_error *error) {
  size_t counts[3] = {0};
  for (size_t i = 0; i < found->count; i++) {
    const tw_entry *entry = &found->entries[i];
    counts[entry->kind]++;
    if (entry->kind == TW_ENTRY_PICTURE && entry->root != TW_NO_ROOT) {
      found->roots[entry->root].pictures++;
    }
  }
  listing->ignored = found->ignored;
  listing->pictures = tw_alloc(counts[TW_ENTRY_PICTURE], sizeof *listing->pictures);
  listing->loose = tw_alloc(counts[TW_ENTRY_LOOSE], sizeof *listing->loose);
  listing->skipped = tw_alloc(counts[TW_ENTRY_SKIPPED], sizeof *listing->skipped);
  listing->classes = tw_alloc(found->root_count, sizeof *listing->classes);
  listing->empty = tw_alloc(found->root_count, sizeof *listing->empty);
  if (listing->pictures == NULL || listing->loose == NULL || listing->skipped == NULL || listing->classes == NULL ||
      listing->empty == NULL) {
    return tw_error_memory(error);
  }
  if (folder == NULL) {
    move_entries(found, listing);
    return TW_OK;
  }
  TW_TRY(name_classes(found, folder, listing, error));
  label_roots(found, listing);
  move_entries(found, listing);
  return group_by_class(listing, error);
}

tw_status tw_found_listing(tw_found *found, const char *folder, tw_listing **ret_listing, tw_error *error) {
  tw_listing *listing = tw_alloc(1, sizeof *listing);
  tw_status status = listing == NULL ? tw_error_memory(error) : fill_listing(found, folder, listing, error);
  tw_found_done(found);
  if (status != TW_OK) {
    tw_listing_free(listing);
    return status;
  }
  *ret_listing = listing;
  return TW_OK;
}

static void free_texts(char **texts, size_t count) {
  for (size_t i = 0; i < count; i++) {
    tw_free(texts[i]);
  }
  tw_free(texts);
}

void tw_listing_free(tw_listing *listing) {
  if (listing == NULL) {
    return;
  }
  for (size_t i = 0; i < listing->count; i++) {
    tw_free(listing->pictures[i].path);
  }
  for (size_t i = 0; i < listing->skipped_count; i++) {
    tw_free(listing->skipped[i].path);
    tw_free(listing->skipped[i].reason);
  }
  tw_free(listing->pictures);
  tw_free(listing->skipped);
  free_texts(listing->classes, listing->class_count);
  free_texts(listing->empty, listing->empty_count);
  free_texts(listing->loose, listing->loose_count);
  tw_free(listing);
}
