/* From what the user calls a trunk to its files: a name of an installed one, a network's file, a trunk.json or the
 * folder it is in. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "features/trunk.h"

#define CARD "trunk.json"

void tw_trunk_place_done(tw_trunk_place *place) {
  tw_free(place->card);
  tw_free(place->network);
  *place = (tw_trunk_place){0};
}

/* ---- Installed ones ---------------------------------------------------------------------------------------------- */

static int compare_names(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool has_card(const char *models, const char *name) {
  char *path = tw_format("%s/%s/" CARD, models, name);
  bool there = path != NULL && access(path, F_OK) == 0;
  tw_free(path);
  return there;
}

typedef struct names {
  char **list;
  size_t count;
  size_t capacity;
} names;

static tw_status list_names(const char *models, DIR *folder, names *names, tw_error *error) {
  for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
    if (entry->d_name[0] == '.' || !has_card(models, entry->d_name)) {
      continue;
    }
    if (names->count == names->capacity) {
      size_t capacity = names->capacity == 0 ? 16 : names->capacity * 2;
      char **more = tw_realloc(names->list, capacity, sizeof *names->list);
      if (more == NULL) {
        return tw_error_memory(error);
      }
      names->list = more;
      names->capacity = capacity;
    }
    char *name = tw_strdup(entry->d_name);
    if (name == NULL) {
      return tw_error_memory(error);
    }
    names->list[names->count++] = name;
  }
  return TW_OK;
}

/* Adds the names in one folder; `models` may be NULL or not there. */
static tw_status add_names(const char *models, names *names, tw_error *error) {
  DIR *folder = models == NULL ? NULL : opendir(models);
  if (folder == NULL) {
    return TW_OK;
  }
  tw_status status = list_names(models, folder, names, error);
  closedir(folder);
  return status;
}

/* Sorts them; what is in both folders stays once. */
static void sort_names(names *names) {
  size_t kept = 0;
  if (names->count > 0) {
    qsort(names->list, names->count, sizeof *names->list, compare_names);
  }
  for (size_t i = 0; i < names->count; i++) {
    if (kept > 0 && strcmp(names->list[kept - 1], names->list[i]) == 0) {
      tw_free(names->list[i]);
    } else {
      names->list[kept++] = names->list[i];
    }
  }
  names->count = kept;
}

tw_status tw_trunk_names(char ***ret_names, size_t *ret_count, tw_error *error) {
  names names = {0};
  char *users = tw_user_data_path("models");
  char *shipped = tw_data_path("models");
  tw_status status = add_names(users, &names, error);
  status = status == TW_OK ? add_names(shipped, &names, error) : status;
  tw_free(users);
  tw_free(shipped);
  if (status != TW_OK) {
    tw_trunk_names_free(names.list, names.count);
    return status;
  }
  sort_names(&names);
  *ret_names = names.list;
  *ret_count = names.count;
  return TW_OK;
}

void tw_trunk_names_free(char **names, size_t count) {
  for (size_t i = 0; names != NULL && i < count; i++) {
    tw_free(names[i]);
  }
  tw_free(names);
}

/* ---- Finding ----------------------------------------------------------------------------------------------------- */

static tw_status no_such_trunk(const char *name, tw_error *error) {
  char **names;
  size_t count;
  TW_TRY(tw_trunk_names(&names, &count, error));
  tw_buffer list = {0};
  for (size_t i = 0; i < count; i++) {
    tw_buffer_format(&list, "%s%s", i == 0 ? "" : ", ", names[i]);
  }
  tw_trunk_names_free(names, count);
  tw_status status = tw_buffer_status(&list, error);
  if (status == TW_OK) {
    status = tw_error_set(error, TW_E_ARGUMENT,
                          "there is no trunk '%s'; installed are: %s; a network of your own is given as its file", name,
                          count == 0 ? "none" : (const char *)list.data);
  }
  tw_buffer_done(&list);
  return status;
}

static tw_status find_installed(const char *name, tw_trunk_place *ret_place, tw_error *error) {
  char *relative = tw_format("models/%s/" CARD, name);
  if (relative == NULL) {
    return tw_error_memory(error);
  }
  char *card = tw_user_data_path(relative);
  if (card == NULL || access(card, F_OK) != 0) {
    tw_free(card);
    card = tw_data_path(relative);
  }
  tw_free(relative);
  if (card == NULL) {
    return no_such_trunk(name, error);
  }
  *ret_place = (tw_trunk_place){.card = card};
  return TW_OK;
}

/* *ret_right: whether the card is there and names the network `file`. */
static tw_status card_is_of(const char *card, const char *file, bool *ret_right, tw_error *error) {
  *ret_right = false;
  if (access(card, F_OK) != 0) {
    return TW_OK;
  }
  tw_trunk_card content;
  TW_TRY(tw_trunk_card_read(card, &content, error));
  *ret_right = content.network != NULL && strcmp(tw_path_base(content.network), tw_path_base(file)) == 0;
  tw_trunk_card_done(&content);
  return TW_OK;
}

/* A network's file: its card is FILE.json, or the trunk.json beside it when that is about this very file. */
static tw_status find_file(const char *file, tw_trunk_place *ret_place, tw_error *error) {
  tw_trunk_place place = {.network = tw_strdup(file)};
  char *own = tw_format("%s.json", file);
  char *beside = tw_format("%.*s" CARD, (int)(tw_path_base(file) - file), file);
  bool right = false;
  tw_status status = place.network == NULL || own == NULL || beside == NULL ? tw_error_memory(error) : TW_OK;
  if (status == TW_OK && access(own, F_OK) == 0) {
    place.card = own;
    own = NULL;
  } else if (status == TW_OK) {
    status = card_is_of(beside, file, &right, error);
  }
  if (right) {
    place.card = beside;
    beside = NULL;
  }
  tw_free(own);
  tw_free(beside);
  if (status != TW_OK) {
    tw_trunk_place_done(&place);
    return status;
  }
  *ret_place = place;
  return TW_OK;
}

static tw_status find_card(const char *path, bool folder, tw_trunk_place *ret_place, tw_error *error) {
  char *card = folder ? tw_path_join(path, CARD) : tw_strdup(path);
  if (card == NULL) {
    return tw_error_memory(error);
  }
  if (access(card, F_OK) != 0) {
    tw_status status = tw_error_set(error, TW_E_IO, "%s: is a folder without a " CARD ", not a trunk", path);
    tw_free(card);
    return status;
  }
  *ret_place = (tw_trunk_place){.card = card};
  return TW_OK;
}

tw_status tw_trunk_find(const char *name, tw_trunk_place *ret_place, tw_error *error) {
  struct stat status;
  bool path = strpbrk(name, "/.") != NULL;
  bool there = name[0] != '\0' && stat(name, &status) == 0;
  if (!path && (!there || S_ISDIR(status.st_mode))) {
    return name[0] == '\0' ? tw_error_set(error, TW_E_ARGUMENT, "the name of the trunk is empty")
                           : find_installed(name, ret_place, error);
  }
  if (there && S_ISDIR(status.st_mode)) {
    return find_card(name, true, ret_place, error);
  }
  if (strcmp(tw_path_base(name), CARD) == 0) {
    return find_card(name, false, ret_place, error);
  }
  return find_file(name, ret_place, error);
}
