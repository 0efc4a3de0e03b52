/* Private to the floor `model`: what `topwork.training` says of a training by the recipe. */
#ifndef TW_MODEL_RECIPE_H
#define TW_MODEL_RECIPE_H

#include <jansson.h>

#include "model/model.h"

/* The value of "recipe" for a record with a history, without any time; NULL when out of memory. */
json_t *tw_model_recipe_json(const tw_model_record *record);
/* Fills in history and exact_objective. `recipe` NULL: a model of the exact top. TW_E_FORMAT, without the name of the
 * entry, for one that makes no sense. */
tw_status tw_model_recipe_read(const json_t *recipe, tw_model_record *record, tw_error *error);

#endif
