/* What a model says about pictures: predict MODEL PICTURE...
 *
 *   cc predict.c $(pkg-config --cflags --libs topwork) -o predict */
#include <stdio.h>
#include <stdlib.h>
#include <topwork/topwork.h>

static size_t largest(const float *values, size_t count) {
  size_t best = 0;
  for (size_t i = 1; i < count; i++) {
    if (values[i] > values[best]) {
      best = i;
    }
  }
  return best;
}

int main(int argc, char **argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: predict MODEL PICTURE...\n");
    return 2;
  }
  tw_error error;
  tw_model *model;
  if (tw_model_open(argv[1], &model, &error) != TW_OK) {
    fprintf(stderr, "predict: %s\n", error.message);
    return 1;
  }
  size_t count = tw_model_class_count(model);
  float *probabilities = malloc(count * sizeof *probabilities);
  int failed = probabilities == NULL;
  for (int i = 2; i < argc && probabilities != NULL; i++) {
    if (tw_model_predict_file(model, argv[i], count, probabilities, &error) == TW_OK) {
      size_t best = largest(probabilities, count);
      printf("%s\t%s\t%.4f\n", argv[i], tw_model_class_name(model, best), (double)probabilities[best]);
    } else {
      fprintf(stderr, "predict: %s\n", error.message);
      failed = 1;
    }
  }
  free(probabilities);
  tw_model_free(model);
  return failed;
}
