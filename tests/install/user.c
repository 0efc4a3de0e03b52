/* A program of somebody else's, as far as the installed library is concerned: the public header alone, strictly C17. */
#include <topwork/topwork.h>

int main(void) {
  tw_error error = {0};
  return error.code == TW_OK ? 0 : 1;
}
