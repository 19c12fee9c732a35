#pragma once

namespace lockstep::cpu {

// The floating-point operations per second that this thread's core reaches with fused multiply-adds on
// registers alone, the widest vectors it has: what no product can pass. T is float or double. Takes 5 ms.
template <typename T>
double peak_flops();

// The vector instructions that Lockstep's kernels use on this processor: "AVX3" (AVX-512), "AVX2", ...
const char* vector_target();

}  // namespace lockstep::cpu
