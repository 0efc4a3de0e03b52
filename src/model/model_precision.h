/* Private to the floor `model`: what a model file says of the precision of its trunk. */
#ifndef TW_MODEL_PRECISION_H
#define TW_MODEL_PRECISION_H

#include <jansson.h>

#include "model/model.h"

/* The value of topwork.fidelity for a trunk that is not in float32; NULL when out of memory. */
json_t *tw_model_fidelity_json(const tw_trunk *trunk);
/* Appends what the engine knows of an int8 trunk to the file that begins at `begin`; of others nothing. TW_E_LIMIT when
 * an ONNX file cannot hold as much. */
tw_status tw_model_precision_attach(const tw_trunk *trunk, size_t begin, tw_buffer *buffer, tw_error *error);
/* Sets the precision of a trunk that was made of a model's graph to what its metadata and attachment say. */
tw_status tw_model_precision_read(tw_trunk *trunk, tw_error *error);

#endif
