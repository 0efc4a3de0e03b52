/* A program of somebody else's, as far as the installed header is concerned: compiled as strict C99, C17 and C++11. The
 * sizes that programs were built with are those of this version. */
#include <topwork/topwork.h>

#define SAME(name, a, b) typedef char name[(a) == (b) ? 1 : -1]
SAME(status_is_an_int, sizeof(tw_status), sizeof(int));
SAME(train_options, sizeof(void *) == 8 ? sizeof(tw_train_options) : 256, 256);
SAME(evaluate_options, sizeof(void *) == 8 ? sizeof(tw_evaluate_options) : 256, 256);
SAME(test_result, sizeof(void *) == 8 ? sizeof(tw_test_result) : 256, 256);
SAME(last_status, TW_E_ENGINE, 9);

int main(void) {
  tw_model *model = 0;
  tw_error error;
  tw_train_options options;
  tw_train_options_init(&options);
  return tw_version()[0] == '0' + TW_VERSION_MAJOR && options.test > 0 &&
                 tw_model_open("/nowhere/at/all", &model, &error) == TW_E_IO && error.code == TW_E_IO
             ? 0
             : 1;
}
