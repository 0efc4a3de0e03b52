/* Folders to lists of pictures. Knows nothing of what is in a picture beyond its first bytes (walk_file.c) and nothing
 * of order (found.c).
 *
 * The one idea: real folders first, then what symbolic links lead to, round by round, each folder once. So a link never
 * takes a folder's pictures away from where they really are, and a loop of links ends by itself. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "features/open.h"
#include "features/walk.h"

/* What the subfolders of a folder are. */
typedef enum level {
  LEVEL_PARTS,   /* parts: train, val, test */
  LEVEL_CLASSES, /* classes */
  LEVEL_INSIDE,  /* more of the same class */
} level;

typedef struct place {
  level level;
  tw_given_part part;
  size_t root; /* index of the class folder it is in; TW_NO_ROOT */
  int depth;
} place;

/* A symbolic link to a folder, to be followed when all real folders are done. */
typedef struct detour {
  char *path;
  place place;
} detour;

typedef struct walker {
  tw_found found;
  tw_inode_set visited;
  detour *links;
  size_t link_count;
  size_t link_capacity;
  tw_buffer path;     /* of the folder the walk is in */
  size_t base_length; /* bytes of `path` that name DIR itself */
  int threads;
} walker;

static void walker_done(walker *walker) {
  tw_found_done(&walker->found);
  tw_inode_set_done(&walker->visited);
  for (size_t i = 0; i < walker->link_count; i++) {
    tw_free(walker->links[i].path);
  }
  tw_free(walker->links);
  tw_buffer_done(&walker->path);
}

/* ---- Paths ------------------------------------------------------------------------------------------------------- */

/* Appends "/<name>" to the path of the folder; returns the length before, for path_leave. */
static size_t path_enter(walker *walker, const char *name) {
  size_t before = walker->path.size;
  if (before > 0 && walker->path.data[before - 1] != '/') {
    tw_buffer_append(&walker->path, "/", 1);
  }
  tw_buffer_text(&walker->path, name);
  return before;
}

static void path_leave(walker *walker, size_t before) {
  walker->path.size = before;
  if (walker->path.data != NULL) {
    walker->path.data[before] = '\0';
  }
}

static char *path_copy(const walker *walker) {
  return walker->path.failed ? NULL : tw_strndup((const char *)walker->path.data, walker->path.size);
}

static tw_status skip(walker *walker, const place *place, char *reason, tw_error *error) {
  tw_entry entry = {.path = path_copy(walker), .reason = reason, .kind = TW_ENTRY_SKIPPED, .root = place->root};
  return tw_found_add(&walker->found, entry, error);
}

/* ---- Files ------------------------------------------------------------------------------------------------------- */

/* Adds the file whose path the walker has; what it is comes later. `target`: what a link to the file leads to; NULL for
 * the file itself. */
static tw_status file_found(walker *walker, const place *place, const tw_inode *target, tw_error *error) {
  tw_entry entry = {.path = path_copy(walker), .kind = TW_ENTRY_PICTURE, .root = place->root};
  if (target != NULL) {
    entry.linked = true;
    entry.target = *target;
  }
  return tw_found_add(&walker->found, entry, error);
}

/* Files that are looked at, all in one folder. */
typedef struct looking {
  int folder;
  tw_entry *entries;
  size_t count;
} looking;

enum { LOOKED_AT_ONCE = 64 };

static tw_status look_at_some(void *context, size_t task, tw_error *error) {
  const looking *looking = context;
  (void)error;
  size_t end = (task + 1) * LOOKED_AT_ONCE < looking->count ? (task + 1) * LOOKED_AT_ONCE : looking->count;
  for (size_t i = task * LOOKED_AT_ONCE; i < end; i++) {
    tw_entry *entry = &looking->entries[i];
    if (entry->kind == TW_ENTRY_SKIPPED) { /* a link to nothing, already known as such */
      entry->look = TW_FILE_SKIPPED;
      continue;
    }
    entry->look = tw_file_look(looking->folder, tw_path_base(entry->path), false, &entry->reason);
  }
  return TW_OK;
}

/* Looks at the entries from `first` on, which are files of this folder, and keeps those worth it. */
static tw_status files_look(walker *walker, int folder, const place *place, size_t first, tw_error *error) {
  tw_found *found = &walker->found;
  looking looking = {.folder = folder, .entries = found->entries + first, .count = found->count - first};
  size_t tasks = (looking.count + LOOKED_AT_ONCE - 1) / LOOKED_AT_ONCE;
  TW_TRY(tw_parallel(tasks < 2 ? 1 : walker->threads, tasks, look_at_some, &looking, error));
  size_t kept = first;
  bool memory = true;
  for (size_t i = first; i < found->count; i++) {
    tw_entry *entry = &found->entries[i];
    if (entry->look == TW_FILE_IGNORED) {
      tw_free(entry->path);
      found->ignored++;
      continue;
    }
    memory = memory && (entry->look == TW_FILE_PICTURE || entry->reason != NULL);
    entry->kind = entry->look == TW_FILE_SKIPPED ? TW_ENTRY_SKIPPED
                  : place->level == LEVEL_INSIDE ? TW_ENTRY_PICTURE
                                                 : TW_ENTRY_LOOSE;
    found->entries[kept++] = *entry;
  }
  found->count = kept;
  return memory ? TW_OK : tw_error_memory(error);
}

/* Something that is neither file nor folder, or a link to nothing: worth a word when its name claims a picture and the
 * word is known. */
static tw_status other_found(walker *walker, const char *name, const place *place, const char *reason,
                             tw_error *error) {
  if (reason == NULL || !tw_image_is_picture_name(name)) {
    walker->found.ignored++;
    return TW_OK;
  }
  return skip(walker, place, tw_strdup(reason), error);
}

/* ---- Folders ----------------------------------------------------------------------------------------------------- */

/* Where the subfolder `name`, whose path the walker has entered, is. A class folder becomes a root. */
static tw_status place_of_subfolder(walker *walker, const place *parent, const char *name, place *ret_place,
                                    tw_error *error) {
  place inner = *parent;
  inner.depth++;
  if (parent->level == LEVEL_PARTS) {
    inner.level = LEVEL_CLASSES;
    inner.part = tw_walk_part(name);
  } else if (parent->level == LEVEL_CLASSES) {
    tw_found *found = &walker->found;
    TW_TRY(tw_grow((void **)&found->roots, found->root_count, &found->root_capacity, sizeof *found->roots, error));
    tw_root root = {.name = tw_strdup(name), .part = parent->part};
    root.relative = walker->path.failed ? NULL : tw_strdup((const char *)walker->path.data + walker->base_length);
    inner.level = LEVEL_INSIDE;
    inner.root = found->root_count;
    found->roots[found->root_count++] = root;
    if (root.name == NULL || root.relative == NULL) {
      return tw_error_memory(error);
    }
  }
  *ret_place = inner;
  return TW_OK;
}

static tw_status folder_walk(walker *walker, int file, const place *place, tw_error *error);

/* Opens and walks the real subfolder `name`; one that cannot be opened is skipped with its reason. */
static tw_status subfolder_found(walker *walker, int folder, const char *name, const place *parent, tw_error *error) {
  place inner;
  TW_TRY(place_of_subfolder(walker, parent, name, &inner, error));
  if (inner.depth > TW_WALK_MAX_DEPTH) {
    return skip(walker, parent, tw_format("a folder in more than %d others", TW_WALK_MAX_DEPTH), error);
  }
  int file = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) {
    return skip(walker, parent, tw_reason_errno("a folder that cannot be opened", errno), error);
  }
  return folder_walk(walker, file, &inner, error);
}

static tw_status link_found(walker *walker, int folder, const char *name, const place *place, tw_error *error) {
  struct stat target;
  if (fstatat(folder, name, &target, 0) != 0) {
    const char *reason = errno == ENOENT  ? "is a link to a file that is not there"
                         : errno == ELOOP ? "is a link that leads to itself"
                                          : "is a link that cannot be followed";
    return other_found(walker, name, place, reason, error);
  }
  if (S_ISREG(target.st_mode)) {
    tw_inode inode = {.device = target.st_dev, .number = target.st_ino};
    return file_found(walker, place, &inode, error);
  }
  if (!S_ISDIR(target.st_mode)) {
    return other_found(walker, name, place, NULL, error);
  }
  TW_TRY(tw_grow((void **)&walker->links, walker->link_count, &walker->link_capacity, sizeof *walker->links, error));
  detour later = {.path = path_copy(walker)};
  if (later.path == NULL) {
    return tw_error_memory(error);
  }
  tw_status status = place_of_subfolder(walker, place, name, &later.place, error);
  if (status != TW_OK) {
    tw_free(later.path);
    return status;
  }
  walker->links[walker->link_count++] = later;
  return TW_OK;
}

/* The type of an entry as readdir gives it, asked for where the file system does not say. */
static unsigned char entry_type(int folder, const struct dirent *entry) {
  struct stat status;
  if (entry->d_type != DT_UNKNOWN) {
    return entry->d_type;
  }
  return fstatat(folder, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 ? (unsigned char)IFTODT(status.st_mode)
                                                                           : DT_UNKNOWN;
}

/* Names of subfolders that are walked when the files of their folder are done. */
typedef struct name_list {
  char **names;
  size_t count;
  size_t capacity;
} name_list;

static tw_status remember(name_list *list, const char *name, tw_error *error) {
  TW_TRY(tw_grow((void **)&list->names, list->count, &list->capacity, sizeof *list->names, error));
  char *copy = tw_strdup(name);
  if (copy == NULL) {
    return tw_error_memory(error);
  }
  list->names[list->count++] = copy;
  return TW_OK;
}

static tw_status entry_found(walker *walker, int folder, const struct dirent *entry, const place *place,
                             name_list *subfolders, tw_error *error) {
  const char *name = entry->d_name;
  if (name[0] == '.') { /* hidden, and the folder itself and its parent */
    return TW_OK;
  }
  size_t before = path_enter(walker, name);
  tw_status status;
  switch (entry_type(folder, entry)) {
    case DT_REG: status = file_found(walker, place, NULL, error); break;
    case DT_DIR: status = remember(subfolders, name, error); break;
    case DT_LNK: status = link_found(walker, folder, name, place, error); break;
    default: status = other_found(walker, name, place, NULL, error); break;
  }
  path_leave(walker, before);
  return status;
}

/* Reads the whole folder. */
static tw_status entries_read(walker *walker, DIR *folder, const place *place, name_list *subfolders, tw_error *error) {
  tw_status status = TW_OK;
  while (status == TW_OK) {
    errno = 0;
    const struct dirent *entry = readdir(folder);
    if (entry == NULL) {
      int failure = errno;
      return failure == 0
                 ? TW_OK
                 : skip(walker, place, tw_reason_errno("a folder that cannot be read to its end", failure), error);
    }
    status = entry_found(walker, dirfd(folder), entry, place, subfolders, error);
  }
  return status;
}

/* Files first, then what is below. */
static tw_status folder_contents(walker *walker, DIR *folder, const place *place, tw_error *error) {
  name_list subfolders = {0};
  size_t first = walker->found.count;
  tw_status status = entries_read(walker, folder, place, &subfolders, error);
  status = status == TW_OK ? files_look(walker, dirfd(folder), place, first, error) : status;
  for (size_t i = 0; i < subfolders.count; i++) {
    if (status == TW_OK) {
      size_t before = path_enter(walker, subfolders.names[i]);
      status = subfolder_found(walker, dirfd(folder), subfolders.names[i], place, error);
      path_leave(walker, before);
    }
    tw_free(subfolders.names[i]);
  }
  tw_free(subfolders.names);
  return status;
}

/* Marks the open folder as visited; *ret_fresh: false when it was already. */
static tw_status visit(walker *walker, int file, bool *ret_fresh, tw_error *error) {
  struct stat status;
  if (fstat(file, &status) != 0) {
    *ret_fresh = false;
    return TW_OK;
  }
  tw_inode inode = {.device = status.st_dev, .number = status.st_ino};
  return tw_inode_set_add(&walker->visited, inode, ret_fresh, error);
}

/* Walks the open folder whose path the walker has, and closes it. */
static tw_status folder_walk(walker *walker, int file, const place *place, tw_error *error) {
  bool fresh;
  tw_status status = visit(walker, file, &fresh, error);
  DIR *folder = status == TW_OK && fresh ? fdopendir(file) : NULL;
  if (folder == NULL) {
    int failure = errno;
    close(file);
    return status != TW_OK || !fresh
               ? status
               : skip(walker, place, tw_reason_errno("a folder that cannot be read", failure), error);
  }
  status = folder_contents(walker, folder, place, error);
  closedir(folder);
  return status;
}

/* ---- Links ------------------------------------------------------------------------------------------------------- */

static int compare_links(const void *a, const void *b) {
  return strcmp(((const detour *)a)->path, ((const detour *)b)->path);
}

static tw_status link_follow(walker *walker, const detour *link, tw_error *error) {
  path_leave(walker, 0);
  tw_buffer_text(&walker->path, link->path);
  if (link->place.depth > TW_WALK_MAX_DEPTH) {
    return skip(walker, &link->place, tw_format("a folder in more than %d others", TW_WALK_MAX_DEPTH), error);
  }
  int file = tw_open_any(link->path, O_RDONLY | O_DIRECTORY);
  if (file < 0) {
    return skip(walker, &link->place, tw_reason_errno("a link to a folder that cannot be opened", errno), error);
  }
  size_t visited = walker->visited.count;
  TW_TRY(folder_walk(walker, file, &link->place, error));
  bool first_level =
      link->place.level == LEVEL_CLASSES ||
      (link->place.root != TW_NO_ROOT && link->place.depth == (link->place.part == TW_GIVEN_NONE ? 1 : 2));
  if (walker->visited.count > visited) {
    return TW_OK;
  }
  if (first_level) {
    return skip(walker, &link->place, tw_strdup("a link to a folder that is in the list already"), error);
  }
  walker->found.ignored++;
  return TW_OK;
}

/* Follows the links met so far, then those met on the way, until there are none. */
static tw_status links_follow(walker *walker, tw_error *error) {
  tw_status status = TW_OK;
  while (walker->link_count > 0 && status == TW_OK) {
    detour *links = walker->links;
    size_t count = walker->link_count;
    walker->links = NULL;
    walker->link_count = walker->link_capacity = 0;
    qsort(links, count, sizeof *links, compare_links);
    for (size_t i = 0; i < count; i++) {
      if (status == TW_OK) {
        status = link_follow(walker, &links[i], error);
      }
      tw_free(links[i].path);
    }
    tw_free(links);
  }
  return status;
}

/* ---- The two walks ----------------------------------------------------------------------------------------------- */

static tw_status nothing_found(const char *folder, const tw_listing *listing, tw_error *error) {
  if (listing->skipped_count > 0) {
    return tw_error_set(error, TW_E_DATA,
                        "%s: holds no picture that topwork can use; the first of %zu left out is %s: %s", folder,
                        listing->skipped_count, listing->skipped[0].path, listing->skipped[0].reason);
  }
  if (listing->ignored > 0) {
    return tw_error_set(error, TW_E_DATA, "%s: holds no picture, only %zu other file%s", folder, listing->ignored,
                        listing->ignored == 1 ? "" : "s");
  }
  return tw_error_set(error, TW_E_DATA,
                      "%s: holds no picture; wanted is a folder with one subfolder of pictures a class", folder);
}

tw_status tw_walk_classes(const char *folder, tw_listing **ret_listing, tw_error *error) {
  int file = tw_open_any(folder, O_RDONLY | O_DIRECTORY);
  if (file < 0) {
    return errno == ENOTDIR ? tw_error_set(error, TW_E_IO, "%s: is not a folder", folder)
                            : tw_error_errno(error, errno, "%s: the folder cannot be opened", folder);
  }
  walker walker = {.threads = tw_thread_count(0)};
  bool parts = tw_walk_holds_parts(file);
  place top = {.level = parts ? LEVEL_PARTS : LEVEL_CLASSES, .part = TW_GIVEN_NONE, .root = TW_NO_ROOT};
  tw_buffer_text(&walker.path, folder);
  if (walker.path.size > 0 && walker.path.data[walker.path.size - 1] != '/') {
    tw_buffer_append(&walker.path, "/", 1);
  }
  walker.base_length = walker.path.size;
  tw_listing *listing = NULL;
  tw_status status = folder_walk(&walker, file, &top, error);
  status = status == TW_OK ? links_follow(&walker, error) : status;
  status = status == TW_OK ? tw_found_settle(&walker.found, 0, error) : status;
  status = status == TW_OK ? tw_found_listing(&walker.found, folder, &listing, error) : status;
  walker_done(&walker);
  if (status == TW_OK && listing->count == 0 && listing->loose_count == 0) {
    status = nothing_found(folder, listing, error);
  }
  if (status != TW_OK) {
    tw_listing_free(listing);
    return status;
  }
  listing->has_parts = parts;
  *ret_listing = listing;
  return TW_OK;
}

static tw_status named_file(walker *walker, const char *path, tw_error *error) {
  tw_entry entry = {.root = TW_NO_ROOT};
  entry.kind =
      tw_file_look(AT_FDCWD, path, true, &entry.reason) == TW_FILE_PICTURE ? TW_ENTRY_PICTURE : TW_ENTRY_SKIPPED;
  entry.path = tw_strdup(path);
  return tw_found_add(&walker->found, entry, error);
}

/* A path that the caller named: file, folder, or nothing. */
static tw_status named_path(walker *walker, const char *path, tw_error *error) {
  place place = {.level = LEVEL_INSIDE, .part = TW_GIVEN_NONE, .root = TW_NO_ROOT};
  struct stat status;
  int file = tw_open_any(path, O_PATH);
  path_leave(walker, 0);
  tw_buffer_text(&walker->path, path);
  if (file < 0 || fstat(file, &status) != 0) {
    return skip(walker, &place,
                errno == ENOENT ? tw_strdup("there is no such file") : tw_reason_errno("cannot be opened", errno),
                error);
  }
  close(file);
  if (S_ISREG(status.st_mode)) {
    return named_file(walker, path, error);
  }
  if (!S_ISDIR(status.st_mode)) {
    return skip(walker, &place, tw_strdup("is neither a file nor a folder"), error);
  }
  file = tw_open_any(path, O_RDONLY | O_DIRECTORY);
  if (file < 0) {
    return skip(walker, &place, tw_reason_errno("a folder that cannot be opened", errno), error);
  }
  size_t first = walker->found.count;
  tw_inode_set_done(&walker->visited);
  TW_TRY(folder_walk(walker, file, &place, error));
  TW_TRY(links_follow(walker, error));
  return tw_found_settle(&walker->found, first, error);
}

tw_status tw_walk_files(const char *const *paths, size_t count, tw_listing **ret_listing, tw_error *error) {
  walker walker = {.threads = tw_thread_count(0)};
  tw_status status = TW_OK;
  for (size_t i = 0; i < count && status == TW_OK; i++) {
    status = named_path(&walker, paths[i], error);
  }
  tw_listing *listing = NULL;
  status = status == TW_OK ? tw_found_listing(&walker.found, NULL, &listing, error) : status;
  walker_done(&walker);
  if (status == TW_OK) {
    *ret_listing = listing;
  }
  return status;
}
