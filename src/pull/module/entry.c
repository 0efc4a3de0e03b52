/* topwork-pull.so: the one symbol that the core asks for, and SHA-1 by libcrypto, which is three calls. */
#include <curl/curl.h>
#include <openssl/evp.h>

#include "pull/module/module.h"

/* ---- SHA-1 ------------------------------------------------------------------------------------------------------- */

static void *sha1_begin(void) {
  EVP_MD_CTX *hash = EVP_MD_CTX_new();
  if (hash != NULL && EVP_DigestInit_ex(hash, EVP_sha1(), NULL) != 1) {
    EVP_MD_CTX_free(hash);
    hash = NULL;
  }
  return hash;
}

static bool sha1_add(void *hash, const void *data, size_t size) {
  return EVP_DigestUpdate(hash, data, size) == 1;
}

static bool sha1_end(void *hash, uint8_t digest[TW_PULL_SHA1_SIZE]) {
  bool good = EVP_MD_CTX_get_size(hash) == TW_PULL_SHA1_SIZE && EVP_DigestFinal_ex(hash, digest, NULL) == 1;
  EVP_MD_CTX_free(hash);
  return good;
}

/* ---- The symbol -------------------------------------------------------------------------------------------------- */

static bool start(void) {
  return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

__attribute__((visibility("default"))) extern const tw_pull_module tw_pull_module_entry;
const tw_pull_module tw_pull_module_entry = {
    .version = TW_PULL_VERSION,
    .start = start,
    .fetch = tw_module_fetch,
    .unpack = tw_module_unpack,
    .sha1_begin = sha1_begin,
    .sha1_add = sha1_add,
    .sha1_end = sha1_end,
};
