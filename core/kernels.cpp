#include "core/kernels.h"

#include "core/cpu/cpu_kernels.h"

namespace lockstep {

const Kernels& kernels(const Tensor&) {
  static const cpu::CpuKernels cpu;
  return cpu;
}

}  // namespace lockstep
