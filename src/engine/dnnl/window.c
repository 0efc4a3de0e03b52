/* The windows of convolutions and pools as the library wants them, within what its kernels can take. */
#include "engine/dnnl/internal.h"

tw_status tw_window_of(const tw_node *node, tw_window *ret_window, tw_error *error) {
  const tw_attributes *attributes = &node->attributes;
  const int64_t most = TW_MAX_WINDOW;
  tw_window window = {.spatial = attributes->spatial};
  if (window.spatial < 1 || window.spatial > TW_MAX_SPATIAL) {
    return tw_error_set(error, TW_E_UNSUPPORTED, "%d spatial dimensions; 1 to %d are possible", window.spatial,
                        (int)TW_MAX_SPATIAL);
  }
  for (int i = 0; i < window.spatial; i++) {
    int64_t dilation = attributes->dilations[i] < 1 ? 1 : attributes->dilations[i];
    int64_t reach;
    if (attributes->pads_begin[i] < 0 || attributes->pads_end[i] < 0) {
      return tw_error_set(error, TW_E_UNSUPPORTED, "negative padding");
    }
    if (attributes->pads_begin[i] > most || attributes->pads_end[i] > most || attributes->strides[i] > most ||
        __builtin_mul_overflow(attributes->kernel[i], dilation, &reach) || reach > most) {
      return tw_error_set(error, TW_E_LIMIT, "a window, stride or padding of more than %d", (int)TW_MAX_WINDOW);
    }
    window.kernel[i] = attributes->kernel[i];
    window.strides[i] = attributes->strides[i];
    window.dilations[i] = dilation - 1;
    window.pads_begin[i] = attributes->pads_begin[i];
    window.pads_end[i] = attributes->pads_end[i];
  }
  *ret_window = window;
  return TW_OK;
}
