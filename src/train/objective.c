/* Forward: tiles of rows, logits and softmax. Backward: tiles of the gradient, each summing over the blocks of rows in
 * their order. Residuals are kept for a bounded number of blocks at a time, so that memory stays flat. */
#include "train/objective.h"

#include <math.h>
#include <string.h>

#include "engine/engine.h"
#include "train/vector.h"

enum {
  TILE_ROWS = 128, /* of a forward task */
  TILES = TW_BLOCK_ROWS / TILE_ROWS,
  TILE_SIDE = 128, /* vectors and dimensions of a backward task */
};
static const size_t residual_budget = (size_t)64 << 20; /* bytes of residuals kept at a time, at least one block */
static const double worth_a_thread = 4e6;               /* multiply-adds below which threads cost more than they give */

/* What the forward pass found in one tile, to be added up in the order of the tiles. */
typedef struct tile_sums {
  double loss;
  double clipped;
  size_t correct;
} tile_sums;

/* One evaluation under way. W: the number of vectors, K for a top. */
typedef struct lane {
  const float *vectors;  /* W x d */
  tw_evaluation *target; /* NULL: the residuals are the products themselves */
  const tw_block *blocks;
  size_t block_count;
  size_t vector_count;  /* W */
  float *residuals;     /* of the blocks at hand: (block, row in it) x W */
  double *sums;         /* W x d */
  double *columns;      /* W: sums of the residuals */
  tile_sums *tiles;     /* of the blocks at hand */
  double *tile_columns; /* of the blocks at hand: tile x W */
  double *tile_spread;  /* the same, sums of p (1 - p) */
} lane;

struct tw_objective {
  const tw_rows *rows;
  size_t capacity;
  size_t width; /* the largest W */
  size_t chunk; /* blocks at hand */
  int threads;
  lane *lanes;
  /* The pass under way. */
  size_t lane_count;
  size_t first_block; /* of every lane, at hand */
  size_t sides[2];    /* backward tiles along the vectors and along the dimensions */
};

size_t tw_blocks_append(tw_block *blocks, size_t count, size_t begin, size_t end) {
  while (begin < end) {
    size_t rows = end - begin < TW_BLOCK_ROWS ? end - begin : TW_BLOCK_ROWS;
    blocks[count++] = (tw_block){begin, rows};
    begin += rows;
  }
  return count;
}

size_t tw_blocks_limit(const tw_rows *rows) {
  return rows->count / TW_BLOCK_ROWS + rows->group_count + 1;
}

/* ---- Memory ------------------------------------------------------------------------------------------------------ */

static bool allocate_lane(lane *lane, size_t width, size_t chunk, size_t dimensions) {
  size_t residuals;
  size_t sums;
  size_t tiles = chunk * TILES;
  if (!tw_mul_size(chunk * TW_BLOCK_ROWS, width, &residuals) || !tw_mul_size(width, dimensions, &sums)) {
    return false;
  }
  lane->residuals = tw_alloc(residuals, sizeof *lane->residuals);
  lane->sums = tw_alloc(sums, sizeof *lane->sums);
  lane->columns = tw_alloc(width, sizeof *lane->columns);
  lane->tiles = tw_alloc(tiles, sizeof *lane->tiles);
  lane->tile_columns = tw_alloc(tiles, width * sizeof *lane->tile_columns);
  lane->tile_spread = tw_alloc(tiles, width * sizeof *lane->tile_spread);
  return lane->residuals != NULL && lane->sums != NULL && lane->columns != NULL && lane->tiles != NULL &&
         lane->tile_columns != NULL && lane->tile_spread != NULL;
}

tw_status tw_objective_create(const tw_rows *rows, size_t capacity, size_t rank, int threads,
                              tw_objective **ret_objective, tw_error *error) {
  tw_objective *objective = tw_alloc(1, sizeof *objective);
  if (objective == NULL) {
    return tw_error_memory(error);
  }
  size_t width = rows->classes > rank ? rows->classes : rank;
  size_t chunk = residual_budget / (capacity * TW_BLOCK_ROWS * sizeof(float) * width);
  size_t limit = tw_blocks_limit(rows);
  chunk = chunk < 1 ? 1 : chunk > limit ? limit : chunk;
  *objective = (tw_objective){.rows = rows, .capacity = capacity, .width = width, .chunk = chunk, .threads = threads};
  objective->lanes = tw_alloc(capacity, sizeof *objective->lanes);
  bool complete = objective->lanes != NULL;
  for (size_t i = 0; complete && i < capacity; i++) {
    complete = allocate_lane(&objective->lanes[i], width, chunk, rows->dimensions);
  }
  if (!complete) {
    tw_objective_free(objective);
    return tw_error_memory(error);
  }
  *ret_objective = objective;
  return TW_OK;
}

void tw_objective_free(tw_objective *objective) {
  if (objective == NULL) {
    return;
  }
  for (size_t i = 0; objective->lanes != NULL && i < objective->capacity; i++) {
    lane *lane = &objective->lanes[i];
    tw_free(lane->residuals);
    tw_free(lane->sums);
    tw_free(lane->columns);
    tw_free(lane->tiles);
    tw_free(lane->tile_columns);
    tw_free(lane->tile_spread);
  }
  tw_free(objective->lanes);
  tw_free(objective);
}

/* ---- Forward ----------------------------------------------------------------------------------------------------- */

static void finish_row(const tw_objective *objective, const lane *lane, size_t row, float *logits, size_t tile) {
  const tw_evaluation *target = lane->target;
  const float *intercepts = target->point + lane->vector_count * objective->rows->dimensions;
  for (size_t k = 0; k < lane->vector_count; k++) {
    logits[k] += intercepts[k];
  }
  uint32_t label = objective->rows->labels[row];
  tw_softmax softmax = tw_softmax_residual(logits, target->present, lane->vector_count, label);
  tile_sums *sums = &lane->tiles[tile];
  sums->loss += softmax.loss;
  sums->clipped += fmin(softmax.loss, -log(1e-15));
  sums->correct += softmax.correct;
  double *columns = lane->tile_columns + tile * lane->vector_count;
  for (size_t k = 0; k < lane->vector_count; k++) {
    columns[k] += (double)logits[k];
  }
  double *spread = lane->tile_spread + tile * lane->vector_count;
  for (size_t k = 0; target->spread != NULL && k < lane->vector_count; k++) {
    double p = fabs((double)logits[k]); /* 1 - p for the row's own class: p (1 - p) is the same */
    spread[k] += p * (1 - p);
  }
}

static tw_status forward_tile(void *context, size_t task, tw_error *error) {
  const tw_objective *objective = context;
  size_t tile = task % (objective->chunk * TILES);
  const lane *lane = &objective->lanes[task / (objective->chunk * TILES)];
  size_t block_index = objective->first_block + tile / TILES;
  if (block_index >= lane->block_count) {
    return TW_OK;
  }
  tw_block block = lane->blocks[block_index];
  size_t begin = tile % TILES * TILE_ROWS;
  if (begin >= block.count) {
    return TW_OK;
  }
  size_t rows = block.count - begin < TILE_ROWS ? block.count - begin : TILE_ROWS;
  size_t d = objective->rows->dimensions;
  size_t stride = objective->rows->stride;
  size_t width = lane->vector_count;
  float *residuals = lane->residuals + (tile / TILES * TW_BLOCK_ROWS + begin) * width;
  TW_TRY(tw_engine_sgemm(false, true, rows, width, d, 1, objective->rows->features + (block.begin + begin) * stride,
                         stride, lane->vectors, d, 0, residuals, width, error));
  for (size_t i = 0; lane->target != NULL && i < rows; i++) {
    finish_row(objective, lane, block.begin + begin + i, residuals + i * width, tile);
  }
  return TW_OK;
}

/* ---- Backward ---------------------------------------------------------------------------------------------------- */

/* The share begin .. end - 1 of `count` that part `index` of `parts` has. */
static void share(size_t count, size_t parts, size_t index, size_t *ret_begin, size_t *ret_count) {
  size_t each = (count + parts - 1) / parts;
  size_t begin = index * each < count ? index * each : count;
  *ret_begin = begin;
  *ret_count = count - begin < each ? count - begin : each;
}

static tw_status backward_tile(void *context, size_t task, tw_error *error) {
  const tw_objective *objective = context;
  const lane *lane = &objective->lanes[task / (objective->sides[0] * objective->sides[1])];
  if (lane->target != NULL && lane->target->gradient == NULL) {
    return TW_OK;
  }
  size_t k;
  size_t k_count;
  size_t j;
  size_t j_count;
  size_t d = objective->rows->dimensions;
  size_t stride = objective->rows->stride;
  size_t width = lane->vector_count;
  share(width, objective->sides[0], task / objective->sides[1] % objective->sides[0], &k, &k_count);
  share(d, objective->sides[1], task % objective->sides[1], &j, &j_count);
  float product[TILE_SIDE * TILE_SIDE];
  for (size_t i = 0; i < objective->chunk && objective->first_block + i < lane->block_count && k_count > 0; i++) {
    tw_block block = lane->blocks[objective->first_block + i];
    TW_TRY(tw_engine_sgemm(true, false, k_count, j_count, block.count, 1,
                           lane->residuals + i * TW_BLOCK_ROWS * width + k, width,
                           objective->rows->features + block.begin * stride + j, stride, 0, product, j_count, error));
    for (size_t a = 0; a < k_count; a++) {
      double *sums = lane->sums + (k + a) * d + j;
      for (size_t b = 0; b < j_count; b++) {
        sums[b] += (double)product[a * j_count + b];
      }
    }
  }
  return TW_OK;
}

/* ---- A pass ------------------------------------------------------------------------------------------------------ */

static void clear_tiles(const tw_objective *objective, lane *lane) {
  size_t tiles = objective->chunk * TILES;
  memset(lane->tiles, 0, tiles * sizeof *lane->tiles);
  memset(lane->tile_columns, 0, tiles * lane->vector_count * sizeof *lane->tile_columns);
  memset(lane->tile_spread, 0, tiles * lane->vector_count * sizeof *lane->tile_spread);
}

static void add_tiles(const tw_objective *objective, lane *lane) {
  tw_evaluation *target = lane->target;
  size_t width = lane->vector_count;
  for (size_t tile = 0; target != NULL && tile < objective->chunk * TILES; tile++) {
    target->loss += lane->tiles[tile].loss;
    target->clipped += lane->tiles[tile].clipped;
    target->correct += lane->tiles[tile].correct;
    for (size_t k = 0; k < width; k++) {
      lane->columns[k] += lane->tile_columns[tile * width + k];
    }
    for (size_t k = 0; target->spread != NULL && k < width; k++) {
      target->spread[k] += lane->tile_spread[tile * width + k];
    }
  }
}

/* The most blocks of a lane, and how many threads the work is worth. */
static size_t measure_pass(const tw_objective *objective, int *ret_threads) {
  size_t most = 0;
  double work = 0;
  for (size_t i = 0; i < objective->lane_count; i++) {
    const lane *lane = &objective->lanes[i];
    most = lane->block_count > most ? lane->block_count : most;
    for (size_t b = 0; b < lane->block_count; b++) {
      work += (double)lane->blocks[b].count * (double)lane->vector_count * (double)objective->rows->dimensions;
    }
  }
  *ret_threads = work < worth_a_thread ? 1 : objective->threads;
  return most;
}

/* Over all lanes, which have been set up. */
static tw_status run_pass(tw_objective *objective, bool backward, tw_error *error) {
  int threads;
  size_t most = measure_pass(objective, &threads);
  size_t width = objective->lanes[0].vector_count;
  objective->sides[0] = (width + TILE_SIDE - 1) / TILE_SIDE;
  objective->sides[1] = (objective->rows->dimensions + TILE_SIDE - 1) / TILE_SIDE;
  for (objective->first_block = 0; objective->first_block < most; objective->first_block += objective->chunk) {
    for (size_t i = 0; i < objective->lane_count; i++) {
      clear_tiles(objective, &objective->lanes[i]);
    }
    TW_TRY(tw_parallel(threads, objective->lane_count * objective->chunk * TILES, forward_tile, objective, error));
    if (backward) {
      TW_TRY(tw_parallel(threads, objective->lane_count * objective->sides[0] * objective->sides[1], backward_tile,
                         objective, error));
    }
    for (size_t i = 0; i < objective->lane_count; i++) {
      add_tiles(objective, &objective->lanes[i]);
    }
  }
  return TW_OK;
}

static void begin_lane(tw_objective *objective, size_t index, tw_evaluation *target) {
  lane *lane = &objective->lanes[index];
  size_t classes = objective->rows->classes;
  lane->vectors = target->point;
  lane->target = target;
  lane->blocks = target->blocks;
  lane->block_count = target->block_count;
  lane->vector_count = classes;
  memset(lane->columns, 0, classes * sizeof *lane->columns);
  if (target->gradient != NULL) {
    memset(lane->sums, 0, classes * objective->rows->dimensions * sizeof *lane->sums);
  }
  if (target->spread != NULL) {
    memset(target->spread, 0, classes * sizeof *target->spread);
  }
  target->loss = 0;
  target->clipped = 0;
  target->correct = 0;
  target->row_count = 0;
  for (size_t b = 0; b < target->block_count; b++) {
    target->row_count += target->blocks[b].count;
  }
}

static void end_lane(const tw_objective *objective, const lane *lane) {
  tw_evaluation *target = lane->target;
  size_t classes = objective->rows->classes;
  size_t weights = classes * objective->rows->dimensions;
  double share_of_row = target->row_count == 0 ? 0 : 1 / (double)target->row_count;
  for (size_t j = 0; target->gradient != NULL && j < weights; j++) {
    target->gradient[j] = (float)(lane->sums[j] * share_of_row);
  }
  for (size_t k = 0; k < classes; k++) {
    if (target->gradient != NULL) {
      target->gradient[weights + k] = (float)(lane->columns[k] * share_of_row);
    }
    if (target->spread != NULL) {
      target->spread[k] *= share_of_row;
    }
  }
}

tw_status tw_objective_evaluate(tw_objective *objective, tw_evaluation *const *evaluations, size_t count,
                                tw_error *error) {
  if (count == 0) {
    return TW_OK;
  }
  objective->lane_count = count;
  bool backward = false;
  for (size_t i = 0; i < count; i++) {
    begin_lane(objective, i, evaluations[i]);
    backward = backward || evaluations[i]->gradient != NULL;
  }
  TW_TRY(run_pass(objective, backward, error));
  for (size_t i = 0; i < count; i++) {
    end_lane(objective, &objective->lanes[i]);
  }
  return TW_OK;
}

tw_status tw_objective_second_moment(tw_objective *objective, const tw_block *blocks, size_t block_count,
                                     const float *vectors, size_t rank, double *ret_product, tw_error *error) {
  lane *lane = &objective->lanes[0];
  size_t count = rank * objective->rows->dimensions;
  objective->lane_count = 1;
  lane->vectors = vectors;
  lane->target = NULL;
  lane->blocks = blocks;
  lane->block_count = block_count;
  lane->vector_count = rank;
  memset(lane->sums, 0, count * sizeof *lane->sums);
  TW_TRY(run_pass(objective, true, error));
  memcpy(ret_product, lane->sums, count * sizeof *ret_product);
  return TW_OK;
}
