#pragma once

#include <bit>
#include <cstdint>

#include "core/cuda/launch.h"

// Products of small matrices by a warp, on the card's tensor cores, which take factors in bf16: the upper
// half of an f32, 8 of its 24 bits. An f32 is the sum of three of them, without a rest.
namespace lockstep::cuda {

#ifdef __CUDACC__  // else the host layer has them

// d (16, 8) = a (16, 16) b (16, 8) + c, of which each lane of a warp has some elements: with g = lane / 4 and
// i = lane % 4, of a the pairs (g, 2 i), (g + 8, 2 i), (g, 2 i + 8), (g + 8, 2 i + 8) and their right
// neighbours; of b (2 i, g), (2 i + 8, g) and those below them; of c and d (g, 2 i), (g, 2 i + 1),
// (g + 8, 2 i), (g + 8, 2 i + 1). The first of a pair is in the lower half. (PTX ISA, mma.m16n8k16 with
// .bf16.)
__device__ inline void multiply_bf16(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2],
                                     const float (&c)[4]) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%10, %11, %12, %13};"
      : "=f"(d[0]), "=f"(d[1]), "=f"(d[2]), "=f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]), "f"(c[0]), "f"(c[1]), "f"(c[2]),
        "f"(c[3]));
}

// Both rounded to bf16, as a pair.
__device__ inline std::uint32_t to_bf16(float first, float second) {
  std::uint32_t pair;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(second), "f"(first));
  return pair;
}

#endif

// Of two numbers, pairs in bf16 that add up to them: exactly, if there are three.
template <int count>
struct Bf16Parts {
  std::uint32_t pairs[count];

  __device__ Bf16Parts(float first, float second) {
    for (std::uint32_t& pair : pairs) {
      pair = to_bf16(first, second);
      first -= std::bit_cast<float>(pair << 16);
      second -= std::bit_cast<float>(pair & 0xffff0000u);
    }
  }
};

}  // namespace lockstep::cuda
