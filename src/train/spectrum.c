/* Subspace iteration on the second moment, and the preconditioner made of it. */
#include "train/spectrum.h"

#include <math.h>
#include <string.h>

#include "engine/engine.h"
#include "train/vector.h"

enum { ROUNDS = 3, SWEEPS = 30 };

size_t tw_spectrum_rank(const tw_rows *rows) {
  return rows->dimensions < TW_SPECTRUM_RANK ? rows->dimensions : TW_SPECTRUM_RANK;
}

/* Rows of `vectors` (rank x d) made orthonormal by Gram and Schmidt, twice; a row that vanishes becomes 0. */
static void orthonormalise(double *vectors, size_t rank, size_t d) {
  for (size_t a = 0; a < rank; a++) {
    double *row = vectors + a * d;
    for (size_t pass = 0; pass < 2; pass++) {
      for (size_t b = 0; b < a; b++) {
        double along = 0;
        for (size_t j = 0; j < d; j++) {
          along += row[j] * vectors[b * d + j];
        }
        for (size_t j = 0; j < d; j++) {
          row[j] -= along * vectors[b * d + j];
        }
      }
      double squares = 0;
      for (size_t j = 0; j < d; j++) {
        squares += row[j] * row[j];
      }
      double factor = squares > 1e-200 ? 1 / sqrt(squares) : 0;
      for (size_t j = 0; j < d; j++) {
        row[j] *= factor;
      }
    }
  }
}

/* One rotation of Jacobi's method that clears a[p][q] (Golub and Van Loan, 8.5). */
static void rotate(double *a, double *vectors, size_t n, size_t p, size_t q) {
  double off = a[p * n + q];
  if (off == 0) {
    return;
  }
  double theta = (a[q * n + q] - a[p * n + p]) / (2 * off);
  double t = (theta >= 0 ? 1 : -1) / (fabs(theta) + sqrt(theta * theta + 1));
  double c = 1 / sqrt(t * t + 1);
  double s = t * c;
  for (size_t i = 0; i < n; i++) {
    double x = a[i * n + p];
    double y = a[i * n + q];
    a[i * n + p] = c * x - s * y;
    a[i * n + q] = s * x + c * y;
  }
  for (size_t i = 0; i < n; i++) {
    double x = a[p * n + i];
    double y = a[q * n + i];
    a[p * n + i] = c * x - s * y;
    a[q * n + i] = s * x + c * y;
    x = vectors[p * n + i];
    y = vectors[q * n + i];
    vectors[p * n + i] = c * x - s * y;
    vectors[q * n + i] = s * x + c * y;
  }
}

/* Eigenvectors (rows of `vectors`) of the symmetric n x n matrix a, whose diagonal becomes the eigenvalues. */
static void diagonalise(double *a, double *vectors, size_t n) {
  memset(vectors, 0, n * n * sizeof *vectors);
  for (size_t i = 0; i < n; i++) {
    vectors[i * n + i] = 1;
  }
  for (size_t sweep = 0; sweep < SWEEPS; sweep++) {
    double off = 0;
    double diagonal = 0;
    for (size_t p = 0; p < n; p++) {
      diagonal += a[p * n + p] * a[p * n + p];
      for (size_t q = p + 1; q < n; q++) {
        off += a[p * n + q] * a[p * n + q];
      }
    }
    if (off <= 1e-20 * diagonal) {
      return;
    }
    for (size_t p = 0; p < n; p++) {
      for (size_t q = p + 1; q < n; q++) {
        rotate(a, vectors, n, p, q);
      }
    }
  }
}

/* What the search for directions works in. */
typedef struct search {
  double *basis;   /* r x d, orthonormal */
  double *product; /* r x d: basis * X^T X / n */
  double *small;   /* r x r: product * basis^T */
  double *turn;    /* r x r */
  tw_block *blocks;
  size_t block_count;
} search;

static void search_done(search *search) {
  tw_free(search->basis);
  tw_free(search->product);
  tw_free(search->small);
  tw_free(search->turn);
  tw_free(search->blocks);
}

static tw_status search_init(search *search, const tw_rows *rows, size_t rank, tw_error *error) {
  size_t d = rows->dimensions;
  search->basis = tw_alloc(rank * d, sizeof *search->basis);
  search->product = tw_alloc(rank * d, sizeof *search->product);
  search->small = tw_alloc(rank * rank, sizeof *search->small);
  search->turn = tw_alloc(rank * rank, sizeof *search->turn);
  search->blocks = tw_alloc(tw_blocks_limit(rows), sizeof *search->blocks);
  if (search->basis == NULL || search->product == NULL || search->small == NULL || search->turn == NULL ||
      search->blocks == NULL) {
    return tw_error_memory(error);
  }
  search->block_count = tw_blocks_append(search->blocks, 0, 0, rows->count);
  tw_random random;
  tw_random_init(&random, 1);
  for (size_t i = 0; i < rank * d; i++) {
    search->basis[i] = tw_random_unit(&random) - 0.5;
  }
  orthonormalise(search->basis, rank, d);
  return TW_OK;
}

static tw_status multiply(search *search, tw_objective *objective, const tw_rows *rows, tw_spectrum *spectrum,
                          tw_error *error) {
  size_t count = spectrum->rank * spectrum->dimensions;
  for (size_t i = 0; i < count; i++) {
    spectrum->vectors[i] = (float)search->basis[i];
  }
  TW_TRY(tw_objective_second_moment(objective, search->blocks, search->block_count, spectrum->vectors, spectrum->rank,
                                    search->product, error));
  for (size_t i = 0; i < count; i++) {
    search->product[i] /= (double)rows->count;
  }
  return TW_OK;
}

/* The basis turned so that the second moment is diagonal in it (Rayleigh and Ritz), into the spectrum. */
static void turn_basis(search *search, tw_spectrum *spectrum) {
  size_t r = spectrum->rank;
  size_t d = spectrum->dimensions;
  for (size_t a = 0; a < r; a++) {
    for (size_t b = 0; b <= a; b++) {
      double sum = 0;
      for (size_t j = 0; j < d; j++) {
        sum += search->product[a * d + j] * search->basis[b * d + j];
      }
      search->small[a * r + b] = sum;
      search->small[b * r + a] = sum;
    }
  }
  diagonalise(search->small, search->turn, r);
  for (size_t a = 0; a < r; a++) {
    spectrum->values[a] = fmax(0, search->small[a * r + a]);
    for (size_t j = 0; j < d; j++) {
      double sum = 0;
      for (size_t b = 0; b < r; b++) {
        sum += search->turn[a * r + b] * search->basis[b * d + j];
      }
      spectrum->vectors[a * d + j] = (float)sum;
    }
  }
}

/* The mean eigenvalue beside those found: the trace is the mean squared length of the rows. */
static double mean_tail(const tw_rows *rows, const tw_spectrum *spectrum) {
  double rest = 0;
  for (size_t i = 0; i < rows->count; i++) {
    const float *row = rows->features + i * rows->stride;
    rest += tw_vector_dot(row, row, rows->dimensions);
  }
  rest /= (double)rows->count;
  for (size_t a = 0; a < spectrum->rank; a++) {
    rest -= spectrum->values[a];
  }
  size_t others = rows->dimensions - spectrum->rank;
  return others == 0 ? 0 : fmax(0, rest) / (double)others;
}

static tw_spectrum *allocate(size_t rank, size_t dimensions) {
  tw_spectrum *spectrum = tw_alloc(1, sizeof *spectrum);
  if (spectrum == NULL) {
    return NULL;
  }
  spectrum->rank = rank;
  spectrum->dimensions = dimensions;
  spectrum->vectors = tw_alloc(rank * dimensions, sizeof *spectrum->vectors);
  spectrum->values = tw_alloc(rank, sizeof *spectrum->values);
  if (spectrum->vectors == NULL || spectrum->values == NULL) {
    tw_spectrum_free(spectrum);
    return NULL;
  }
  return spectrum;
}

tw_status tw_spectrum_create(tw_objective *objective, const tw_rows *rows, tw_spectrum **ret_spectrum,
                             tw_error *error) {
  size_t rank = tw_spectrum_rank(rows);
  tw_spectrum *spectrum = allocate(rank, rows->dimensions);
  if (spectrum == NULL) {
    return tw_error_memory(error);
  }
  search search = {0};
  tw_status status = search_init(&search, rows, rank, error);
  for (size_t round = 0; round < ROUNDS && status == TW_OK; round++) {
    status = multiply(&search, objective, rows, spectrum, error);
    if (status == TW_OK && round + 1 < ROUNDS) {
      memcpy(search.basis, search.product, rank * rows->dimensions * sizeof *search.basis);
      orthonormalise(search.basis, rank, rows->dimensions);
    }
  }
  if (status == TW_OK) {
    turn_basis(&search, spectrum);
    spectrum->tail = mean_tail(rows, spectrum);
    *ret_spectrum = spectrum;
  } else {
    tw_spectrum_free(spectrum);
  }
  search_done(&search);
  return status;
}

void tw_spectrum_free(tw_spectrum *spectrum) {
  if (spectrum != NULL) {
    tw_free(spectrum->vectors);
    tw_free(spectrum->values);
    tw_free(spectrum);
  }
}

/* ---- Preconditioner ---------------------------------------------------------------------------------------------- */

tw_status tw_precondition_init(tw_precondition *precondition, const tw_spectrum *spectrum, size_t classes,
                               tw_error *error) {
  *precondition = (tw_precondition){.spectrum = spectrum, .classes = classes};
  precondition->along = tw_alloc(classes, (spectrum->rank + 1) * sizeof *precondition->along);
  precondition->intercepts = tw_alloc(classes, sizeof *precondition->intercepts);
  precondition->components = tw_alloc(classes, spectrum->rank * sizeof *precondition->components);
  if (precondition->along == NULL || precondition->intercepts == NULL || precondition->components == NULL) {
    tw_precondition_done(precondition);
    return tw_error_memory(error);
  }
  return TW_OK;
}

void tw_precondition_done(tw_precondition *precondition) {
  tw_free(precondition->along);
  tw_free(precondition->intercepts);
  tw_free(precondition->components);
  *precondition = (tw_precondition){0};
}

void tw_precondition_set(tw_precondition *precondition, const double *spread, double penalty) {
  const tw_spectrum *spectrum = precondition->spectrum;
  size_t r = spectrum->rank;
  for (size_t k = 0; k < precondition->classes; k++) {
    double weight = fmax(spread[k], 1e-9);
    double rest = 1 / (penalty + weight * fmax(spectrum->tail, 1e-9));
    double *along = precondition->along + k * (r + 1);
    for (size_t a = 0; a < r; a++) {
      along[a] = 1 / (penalty + weight * fmax(spectrum->values[a], 1e-9)) - rest;
    }
    along[r] = rest;
    precondition->intercepts[k] = 1 / weight;
  }
}

tw_status tw_precondition_apply(tw_precondition *precondition, float *vector, tw_error *error) {
  const tw_spectrum *spectrum = precondition->spectrum;
  size_t r = spectrum->rank;
  size_t d = spectrum->dimensions;
  size_t classes = precondition->classes;
  TW_TRY(tw_engine_sgemm(false, true, classes, r, d, 1, vector, d, spectrum->vectors, d, 0, precondition->components, r,
                         error));
  for (size_t k = 0; k < classes; k++) {
    const double *along = precondition->along + k * (r + 1);
    for (size_t a = 0; a < r; a++) {
      precondition->components[k * r + a] = (float)((double)precondition->components[k * r + a] * along[a]);
    }
    tw_vector_scale(vector + k * d, along[r], d);
    vector[classes * d + k] = (float)((double)vector[classes * d + k] * precondition->intercepts[k]);
  }
  return tw_engine_sgemm(false, false, classes, d, r, 1, precondition->components, r, spectrum->vectors, d, 1, vector,
                         d, error);
}
