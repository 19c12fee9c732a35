#include "core/runtime/device.h"

#include "core/error.h"

#ifdef LOCKSTEP_CUDA
#include "core/cuda/backend.h"
#endif

namespace lockstep {

std::string why_unavailable(Device device) {
  if (device == Device::cpu) return "";
#ifdef LOCKSTEP_CUDA
  return cuda::why_unavailable();
#else
  return "this Lockstep was built without CUDA: build it where CMake finds the CUDA Toolkit (nvcc)";
#endif
}

std::vector<std::string> device_facts(Device device) {
#ifdef LOCKSTEP_CUDA
  if (device == Device::cuda) return cuda::facts();
#endif
  return {device == Device::cpu ? "always there" : "none: " + why_unavailable(device)};
}

const Backend& backend(Device device) {
#ifdef LOCKSTEP_CUDA
  if (device == Device::cuda) return cuda::backend();
#endif
  fail("[device] no {} device: {}", name_of(device), why_unavailable(device));
}

}  // namespace lockstep
