#pragma once

#include <cstdint>

namespace lockstep::cpu {

// Functions of one number that have vector forms.
enum class Map : std::uint8_t { exp, log, tanh, sigmoid, erf, silu };

// y = f(x), element by element, contiguous, f32 and f64; y may be x. f32 is within 3 ulp of the exact value,
// f64 within a few; NaN stays NaN.
template <typename T>
void map(Map f, T* y, const T* x, std::int64_t n);

}  // namespace lockstep::cpu
