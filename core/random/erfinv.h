#pragma once

namespace lockstep {

// The inverse of std::erf on [-1, 1], to a few units in the last place; infinite at both ends, NaN outside.
// A float's value is the rounding of this: torch.erfinv in f32, but for one in some 3000 numbers whose last
// bit differs.
double erfinv(double y);

}  // namespace lockstep
