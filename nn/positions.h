#pragma once

#include "core/ops/views.h"

namespace lockstep::nn {

// Positions [begin, end) of a sequence, end -1 standing for its length: those that a caller reads of a
// block's output. Their keys and values still come from all positions; what only the others need is not
// computed.
struct Positions {
  std::int64_t begin = 0, end = -1;

  // x (..., S, width) -> (..., end - begin, width). Throws for positions that x has not.
  Tensor of(const Tensor& x) const {
    const std::int64_t length = x.size(-2), last = end == -1 ? length : end;
    check(begin >= 0 && begin <= last && last <= length, "[Positions] {} ... {} are not positions of {}",
          begin, last, describe(x));
    return begin == 0 && last == length ? x : slice(x, -2, begin, last);
  }
};

}  // namespace lockstep::nn
