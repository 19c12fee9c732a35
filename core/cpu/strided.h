#pragma once

#include <algorithm>
#include <array>

#include "core/runtime/parallel.h"
#include "core/strided.h"

namespace lockstep::cpu {

// The loops over N tensors.
template <std::size_t N>
struct Nest : Strided<N> {
  using Strided<N>::Strided, Strided<N>::sizes, Strided<N>::strides, Strided<N>::start, Strided<N>::rank;
  using typename Strided<N>::Strides;

  // The loops [begin, end) of the outermost dimension.
  Nest part(std::int64_t begin, std::int64_t end) const {
    Nest loops = *this;
    loops.sizes[0] = end - begin;
    for (std::size_t t = 0; t < N; ++t) loops.start[t] += begin * strides[0][t];
    return loops;
  }

  // for_each_run on this thread's Threads, for bodies that write each element once.
  template <typename Body>
  void for_each_run_in_parallel(const Body& body) const {
    constexpr std::int64_t least = 32768;  // elements, some 5 microseconds
    std::int64_t inner = 1;
    for (int i = 1; i < rank; ++i) inner *= sizes[static_cast<std::size_t>(i)];
    parallel_for(sizes[0], std::max<std::int64_t>(1, least / std::max<std::int64_t>(inner, 1)),
                 [&](std::int64_t begin, std::int64_t end) { part(begin, end).for_each_run(body); });
  }

  // Calls body(count, offsets, inner strides) for every innermost run.
  template <typename Body>
  void for_each_run(Body&& body) const {
    for (int i = 0; i < rank; ++i) {
      if (sizes[static_cast<std::size_t>(i)] == 0) return;
    }
    std::array<std::int64_t, Dims::max_rank> index{};
    Strides offset = start;
    const std::size_t inner = static_cast<std::size_t>(rank) - 1;
    while (true) {
      body(sizes[inner], offset, strides[inner]);
      std::size_t d = inner;
      while (d > 0) {
        --d;
        for (std::size_t t = 0; t < N; ++t) offset[t] += strides[d][t];
        if (++index[d] < sizes[d]) break;
        for (std::size_t t = 0; t < N; ++t) offset[t] -= strides[d][t] * sizes[d];
        index[d] = 0;
        if (d == 0) return;
      }
      if (inner == 0) return;
    }
  }
};

}  // namespace lockstep::cpu
