#pragma once

#include "core/cuda/runtime.h"
#include "core/runtime/device.h"

namespace lockstep::cuda {

// Throws an Error with why_unavailable().
const Backend& backend();

}  // namespace lockstep::cuda
