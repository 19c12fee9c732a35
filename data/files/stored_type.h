#pragma once

#include <string_view>

#include "core/dtype.h"

namespace lockstep::data {

// True where every value of a stored type ("f16", "bf16", "u8", "bool", ...) has an equal value of this
// element type.
bool fits(std::string_view stored, DType dtype);

}  // namespace lockstep::data
