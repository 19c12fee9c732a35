#pragma once

#include <algorithm>
#include <array>

#include "core/runtime/parallel.h"
#include "core/tensor.h"

namespace lockstep::cpu {

// A loop nest over N tensors that share a shape (broadcast ones have stride 0): neighbouring dimensions that
// behave like one are merged, so that most loops end up one- or two-dimensional.
template <std::size_t N>
struct Nest {
  using Strides = std::array<std::int64_t, N>;
  std::array<std::int64_t, Dims::max_rank> sizes{};
  std::array<Strides, Dims::max_rank> strides{};
  Strides start{};
  int rank = 0;  // at least 1

  Nest(const Dims& shape, const std::array<const Tensor*, N>& tensors) {
    for (int i = 0; i < shape.rank(); ++i) {
      if (shape[i] == 1) continue;
      Strides step;
      for (std::size_t t = 0; t < N; ++t) {
        const Tensor& x = *tensors[t];
        const int at = i - (shape.rank() - x.rank());
        step[t] = at < 0 || x.shape()[at] == 1 ? 0 : x.strides()[at];
      }
      add(shape[i], step);
    }
    if (rank == 0) add(1, Strides{});
  }

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

 private:
  void add(std::int64_t size, const Strides& step) {
    if (rank > 0) {
      const std::size_t last = static_cast<std::size_t>(rank) - 1;
      bool merges = true;
      for (std::size_t t = 0; t < N; ++t) merges = merges && strides[last][t] == step[t] * size;
      if (merges) {
        sizes[last] *= size;
        strides[last] = step;
        return;
      }
    }
    sizes[static_cast<std::size_t>(rank)] = size;
    strides[static_cast<std::size_t>(rank)] = step;
    ++rank;
  }
};

}  // namespace lockstep::cpu
