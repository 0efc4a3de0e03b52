/* A training by the recipe from the inside: what running it and keeping it in a checkpoint share. */
#ifndef TW_TRAIN_RECIPE_H
#define TW_TRAIN_RECIPE_H

#include "train/recipe_kernels.h"
#include "train/train.h"

/* What a checkpoint belongs to. Two trainings that agree in it give the same bits. */
typedef struct tw_recipe_identity {
  size_t pictures;       /* in the three parts */
  tw_hash pictures_hash; /* of their labels and contents */
  tw_hash parts_hash;    /* of the part of each */
  tw_hash features_hash; /* of what is trained on and watched */
} tw_recipe_identity;

/* What the rows of one chunk say. */
typedef struct tw_recipe_tile {
  double loss;
  size_t correct;
} tw_recipe_tile;

enum {
  TW_RECIPE_MOMENTS = 2, /* of a solver, at most */
  TW_RECIPE_CHUNK = 32,  /* rows of one task */
};

struct tw_recipe {
  tw_samples samples;
  tw_recipe_identity identity;
  const tw_recipe_kernels *kernels;
  size_t training_count;
  size_t validation_count;
  size_t *rows;  /* training, then validation: indices into samples, each in the order of (label, content) */
  bool *present; /* K, all true */

  /* The state between two epochs. */
  size_t size;                       /* K (d + 1) */
  float *point;                      /* K x d weights, then K intercepts */
  size_t moment_count;               /* 0: SGD, 1: momentum (velocity), 2: Adam (mean, square) */
  float *moments[TW_RECIPE_MOMENTS]; /* of `size`; NULL where there is none */
  tw_random random;
  tw_history history; /* room for options.epochs */
  tw_top *best;

  /* Within an epoch. */
  size_t *order;    /* of the training rows */
  float *sums;      /* of `size`: the gradient of a batch, times its rows */
  double *totals;   /* the same for batches of more than one block; NULL where there is none */
  double *columns;  /* K: sums of residuals */
  size_t at_hand;   /* rows whose residuals are kept at a time, a multiple of the chunk */
  float *residuals; /* at_hand x K */
  tw_recipe_tile *tiles;
};

size_t tw_recipe_chunks(size_t rows); /* that so many rows are */
/* Copies the point to `best`. */
void tw_recipe_keep(tw_recipe *recipe);
/* Fills in `best` and `stopped_early` from the epochs. */
void tw_recipe_judge(tw_history *history);

#endif
