#pragma once

#include "core/tensor.h"

namespace lockstep {

// Memory that a gradient is written into, or added to. An undefined buffer: nobody wants this gradient.
struct Target {
  Tensor buffer;
  bool accumulate = false;

  bool wanted() const { return buffer.defined(); }
};

}  // namespace lockstep
