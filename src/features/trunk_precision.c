/* What a trunk's precision is called where people read it. */
#include "features/features.h"

static void append_fidelity(tw_buffer *text, const tw_trunk_precision *precision) {
  const tw_fidelity *fidelity = &precision->fidelity;
  if (fidelity->pictures == 0) {
    tw_buffer_text(text, ": not measured against f32");
    return;
  }
  tw_buffer_format(text, ": cosine to f32 %.4f on average, %.4f at worst, over %zu pictures", fidelity->mean,
                   fidelity->worst, fidelity->pictures);
  if (precision->precision == TW_PRECISION_INT8) {
    tw_buffer_text(text, precision->unseen ? " that calibration has not seen" : ", those of the calibration");
  }
}

char *tw_trunk_precision_text(const tw_trunk_precision *precision) {
  tw_buffer text = {0};
  tw_buffer_text(&text, tw_precision_name(precision->precision));
  if (precision->precision != TW_PRECISION_F32) {
    append_fidelity(&text, precision);
  }
  if (precision->precision == TW_PRECISION_INT8) {
    tw_buffer_format(&text, "; %zu of %zu layers in float32", precision->wide, precision->layers);
  }
  char *copy = text.failed ? NULL : tw_strdup((const char *)text.data);
  tw_buffer_done(&text);
  return copy;
}
