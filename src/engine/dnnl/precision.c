/* What this processor computes in, by the instruction set that the kernel library uses (which the environment variable
 * ONEDNN_MAX_CPU_ISA lowers). */
#include "engine/dnnl/internal.h"

/* The sets are bit masks of what they contain. */
static bool has(dnnl_cpu_isa_t isa) {
  return ((unsigned)dnnl_get_effective_cpu_isa() & (unsigned)isa) == (unsigned)isa;
}

tw_status tw_engine_precision(tw_precision wanted, tw_precision *ret_precision, const char **ret_note,
                              tw_error *error) {
  if (wanted == TW_PRECISION_INT8 && !has(dnnl_cpu_isa_sse41)) {
    return tw_error_set(error, TW_E_UNSUPPORTED, "int8 needs a processor with SSE4.1, which this one lacks; f32 works");
  }
  bool narrowed = wanted == TW_PRECISION_BF16 && !has(dnnl_cpu_isa_avx512_core_bf16);
  *ret_precision = narrowed ? TW_PRECISION_F32 : wanted;
  *ret_note = narrowed ? "bf16 needs a processor with AVX-512 BF16, which this one lacks: computing in f32" : NULL;
  return TW_OK;
}
