#pragma once

#include <cstdint>

#include "core/tensor.h"

// Tensors of random numbers for a program's own use: inputs, noise. Modules and studies do not draw from
// here; theirs are keyed by name (core/random/keyed_stream.h).
//
// Every thread has a stream of its own, which starts as after manual_seed(0): the same program gives the same
// numbers, whatever other threads do, on any device. The n-th call gives the same numbers for f32 and f64, up
// to rounding. Throws Error for a type that is not f32 or f64, low >= high, and what empty() throws for.
namespace lockstep {

// Starts this thread's stream again.
void manual_seed(std::uint64_t seed);

Tensor randn(const Dims& shape, TensorOptions options = {});  // normal, mean 0, standard deviation 1
Tensor rand(const Dims& shape, TensorOptions options = {});   // uniform in (0, 1)
Tensor randint(std::int64_t low, std::int64_t high, const Dims& shape,
               Device device = Device::cpu);  // i64 in [low, high)

}  // namespace lockstep
