/* What the digits depend on besides the network: the kernel library's version and the instruction set it uses. */
#include "engine/dnnl/internal.h"

#include <pthread.h>

static const char *isa_name(void) {
  switch (dnnl_get_effective_cpu_isa()) {
    case dnnl_cpu_isa_all: return "all";
    case dnnl_cpu_isa_sse41: return "sse41";
    case dnnl_cpu_isa_avx: return "avx";
    case dnnl_cpu_isa_avx2: return "avx2";
    case dnnl_cpu_isa_avx2_vnni: return "avx2_vnni";
    case dnnl_cpu_isa_avx512_mic: return "avx512_mic";
    case dnnl_cpu_isa_avx512_mic_4ops: return "avx512_mic_4ops";
    case dnnl_cpu_isa_avx512_core: return "avx512_core";
    case dnnl_cpu_isa_avx512_core_vnni: return "avx512_core_vnni";
    case dnnl_cpu_isa_avx512_core_bf16: return "avx512_core_bf16";
    case dnnl_cpu_isa_avx512_core_amx: return "avx512_core_amx";
    default: return "unknown";
  }
}

bool tw_own_possible(size_t lanes) {
  switch (dnnl_get_effective_cpu_isa()) {
    case dnnl_cpu_isa_sse41:
    case dnnl_cpu_isa_avx: return false;
    case dnnl_cpu_isa_avx2:
    case dnnl_cpu_isa_avx2_vnni: return lanes == 8 && tw_kernels_possible(lanes);
    default: return tw_kernels_possible(lanes);
  }
}

bool tw_own_possible_in_bytes(void) {
  return dnnl_get_effective_cpu_isa() == dnnl_cpu_isa_avx2 && tw_byte_conv_possible();
}

static char text[96];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void write_text(void) {
  const dnnl_version_t *version = dnnl_version();
  snprintf(text, sizeof text, "oneDNN %d.%d.%d %s%s", version->major, version->minor, version->patch, isa_name(),
           tw_own_possible(8) ? " kernels " TW_KERNELS_VERSION : "");
}

const char *tw_engine_identity(void) {
  pthread_once(&once, write_text);
  return text;
}
