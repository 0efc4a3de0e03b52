/* Calibrations as files, in the folder `calibrations` in that of the cache. A file is never changed, only replaced as a
 * whole.
 *
 * Little-endian: 8 bytes "twcalibr"; the hash that the file is called by; at 24 u32 precision, u32 whether the check
 * was of unseen pictures; at 32 u64 pictures calibrated on, u64 checked; at 48 two f64, mean and worst cosine; at 64
 * the hash of what the engine wrote (zeros without); at 80 the hash of all before it; zeros to 128; then what the
 * engine wrote, whose bytes the engine checks. */
#include <dirent.h>
#include <string.h>
#include <unistd.h>

#include "features/cache_admin.h"
#include "features/cache_folder.h"
#include "features/calibration.h"

enum {
  FORMAT = 1, /* of this file; part of its name */
  AT_KEY = 8,
  AT_PRECISION = 24,
  AT_UNSEEN = 28,
  AT_CALIBRATED = 32,
  AT_CHECKED = 40,
  AT_MEAN = 48,
  AT_WORST = 56,
  AT_QUANTISED = 64,
  AT_HASH = 80,
  HEADER = 128
};
static const char magic[] = "twcalibr";

void tw_calibration_done(tw_calibration *calibration) {
  tw_quantised_free(calibration->quantised);
  tw_map_close(calibration->map);
  *calibration = (tw_calibration){0};
}

/* ---- Names ------------------------------------------------------------------------------------------------------- */

static tw_status make_key(const tw_trunk *trunk, tw_precision precision, tw_hash *ret_key, tw_error *error) {
  tw_hasher *hasher = tw_hasher_create();
  if (hasher == NULL) {
    return tw_error_memory(error);
  }
  tw_hash hash = tw_trunk_hash(trunk);
  tw_hasher_add_text(hasher, "topwork calibration");
  tw_hasher_add_u64(hasher, FORMAT);
  tw_hasher_add(hasher, hash.bytes, sizeof hash.bytes);
  tw_hasher_add_text(hasher, tw_trunk_preprocess_text(trunk));
  tw_hasher_add_text(hasher, tw_precision_name(precision));
  tw_hasher_add_u64(hasher, TW_QUANTISED_FORMAT);
  if (precision != TW_PRECISION_INT8) { /* only measured, so by this engine on such a processor */
    tw_hasher_add_text(hasher, tw_engine_identity());
  }
  *ret_key = tw_hasher_result(hasher);
  tw_hasher_free(hasher);
  return TW_OK;
}

tw_status tw_calibration_path(const tw_trunk *trunk, tw_precision precision, const char *cache, char **ret_path,
                              tw_error *error) {
  tw_hash key;
  char hex[TW_HASH_TEXT_SIZE];
  char *folder;
  TW_TRY(make_key(trunk, precision, &key, error));
  TW_TRY(tw_cache_folder(cache, &folder, error));
  char *path = tw_format("%s/" TW_CALIBRATIONS "/%s.%s", folder, tw_hash_text(&key, hex), tw_precision_name(precision));
  tw_free(folder);
  if (path == NULL) {
    return tw_error_memory(error);
  }
  *ret_path = path;
  return TW_OK;
}

/* The hash in the file's name. */
static bool key_of_path(const char *path, tw_hash *ret_key) {
  char hex[TW_HASH_TEXT_SIZE] = "";
  const char *base = tw_path_base(path);
  size_t length = strcspn(base, ".");
  if (length != sizeof hex - 1) {
    return false;
  }
  memcpy(hex, base, length);
  return tw_hash_parse(hex, ret_key);
}

/* ---- The header -------------------------------------------------------------------------------------------------- */

static void store(uint8_t *to, uint64_t value, size_t size) {
  for (size_t i = 0; i < size; i++) {
    to[i] = (uint8_t)(value >> (8 * i));
  }
}

static void store_f64(uint8_t *to, double value) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  store(to, bits, sizeof bits);
}

static double load_f64(const uint8_t *from) {
  uint64_t bits = tw_load_u64(from);
  double value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static void make_header(const tw_hash *key, const tw_calibration *calibration, uint8_t header[HEADER]) {
  const tw_trunk_precision *about = &calibration->about;
  memset(header, 0, HEADER);
  memcpy(header, magic, AT_KEY);
  memcpy(header + AT_KEY, key->bytes, sizeof key->bytes);
  store(header + AT_PRECISION, (uint64_t)about->precision, 4);
  store(header + AT_UNSEEN, about->unseen, 4);
  store(header + AT_CALIBRATED, about->calibrated, 8);
  store(header + AT_CHECKED, about->fidelity.pictures, 8);
  store_f64(header + AT_MEAN, about->fidelity.mean);
  store_f64(header + AT_WORST, about->fidelity.worst);
  if (calibration->quantised != NULL) {
    memcpy(header + AT_QUANTISED, tw_quantised_hash(calibration->quantised)->bytes, sizeof(tw_hash));
  }
  tw_hash hash = tw_hash_of(header, AT_HASH);
  memcpy(header + AT_HASH, hash.bytes, sizeof hash.bytes);
}

/* False when it is not the header of such a file. */
static bool read_header(const uint8_t *header, const tw_hash *key, tw_precision precision, tw_trunk_precision *about) {
  tw_hash hash = tw_hash_of(header, AT_HASH);
  *about = (tw_trunk_precision){
      .precision = precision,
      .unseen = tw_load_u32(header + AT_UNSEEN) != 0,
      .calibrated = (size_t)tw_load_u64(header + AT_CALIBRATED),
      .fidelity = {(size_t)tw_load_u64(header + AT_CHECKED), load_f64(header + AT_MEAN), load_f64(header + AT_WORST)}};
  return memcmp(header, magic, AT_KEY) == 0 && memcmp(header + AT_HASH, hash.bytes, sizeof hash.bytes) == 0 &&
         memcmp(header + AT_KEY, key->bytes, sizeof key->bytes) == 0 &&
         tw_load_u32(header + AT_PRECISION) == (uint32_t)precision;
}

/* ---- Reading and writing ----------------------------------------------------------------------------------------- */

static tw_status read_bytes(tw_bytes file, const tw_hash *key, tw_precision precision, tw_calibration *calibration,
                            tw_error *error) {
  if (file.size < HEADER || !read_header(file.data, key, precision, &calibration->about)) {
    return tw_error_set(error, TW_E_FORMAT, "the calibration is damaged (header)");
  }
  tw_bytes rest = {file.data + HEADER, file.size - HEADER};
  if (precision != TW_PRECISION_INT8) {
    return rest.size == 0 ? TW_OK
                          : tw_error_set(error, TW_E_FORMAT, "the calibration is damaged (something follows its end)");
  }
  TW_TRY(tw_quantised_read(rest, &calibration->quantised, error));
  return memcmp(tw_quantised_hash(calibration->quantised)->bytes, file.data + AT_QUANTISED, sizeof(tw_hash)) == 0
             ? TW_OK
             : tw_error_set(error, TW_E_FORMAT,
                            "the calibration is damaged (header and weights do not belong together)");
}

tw_status tw_calibration_read(const char *path, tw_precision precision, tw_calibration *ret_calibration,
                              tw_error *error) {
  tw_calibration calibration = {0};
  tw_hash key;
  if (!key_of_path(path, &key)) {
    return tw_error_set(error, TW_E_FORMAT, "%s: its name is not that of a calibration", path);
  }
  TW_TRY(tw_map_open(path, &calibration.map, error));
  tw_status status = read_bytes(tw_map_bytes(calibration.map), &key, precision, &calibration, error);
  if (status != TW_OK) {
    tw_calibration_done(&calibration);
    return tw_error_prefix(error, status, "%s", path);
  }
  *ret_calibration = calibration;
  return TW_OK;
}

static tw_status make_folder(const char *path, tw_error *error) {
  char *folder = tw_strndup(path, (size_t)(tw_path_base(path) - path));
  tw_status status = folder == NULL ? tw_error_memory(error) : tw_folder_make(folder, error);
  tw_free(folder);
  return status;
}

tw_status tw_calibration_write(const char *path, const tw_calibration *calibration, tw_error *error) {
  tw_hash key;
  uint8_t header[HEADER];
  if (!key_of_path(path, &key)) {
    return tw_error_set(error, TW_E_ARGUMENT, "%s: its name is not that of a calibration", path);
  }
  make_header(&key, calibration, header);
  tw_buffer file = {0};
  tw_buffer_append(&file, header, sizeof header);
  tw_status status = calibration->quantised == NULL ? TW_OK : tw_quantised_write(calibration->quantised, &file, error);
  status = status == TW_OK ? tw_buffer_status(&file, error) : status;
  status = status == TW_OK ? make_folder(path, error) : status;
  status = status == TW_OK ? tw_output_save(path, tw_buffer_bytes(&file), error) : status;
  tw_buffer_done(&file);
  return status;
}

/* ---- Clearing ---------------------------------------------------------------------------------------------------- */

static tw_status remove_one(const char *folder, const char *name, tw_error *error) {
  tw_hash key;
  return key_of_path(name, &key) ? tw_cache_remove(folder, name, error) : TW_OK;
}

tw_status tw_calibrations_clear(const char *cache, tw_error *error) {
  char *path = tw_path_join(cache, TW_CALIBRATIONS);
  if (path == NULL) {
    return tw_error_memory(error);
  }
  DIR *folder = opendir(path);
  tw_status status = TW_OK;
  const struct dirent *entry = folder == NULL ? NULL : readdir(folder);
  for (; entry != NULL && status == TW_OK; entry = readdir(folder)) {
    status = remove_one(path, entry->d_name, error);
  }
  if (folder != NULL) {
    closedir(folder);
    rmdir(path); /* unless somebody else keeps something there */
  }
  tw_free(path);
  return status;
}
