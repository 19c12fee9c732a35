#pragma once

#include <algorithm>
#include <array>
#include <utility>

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
    parallel_for(sizes[0], grain(),
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

  // The two innermost loops: `rows` runs of `count` elements, and where each tensor is in them.
  struct Plane {
    std::int64_t rows, count;
    Strides offset, row_step, step;
  };

  // Calls body(plane) for all of them.
  template <typename Body>
  void for_each_plane(Body&& body) const {
    const auto inner = static_cast<std::size_t>(rank) - 1;
    Plane plane{1, sizes[inner], start, {}, strides[inner]};
    if (rank > 1) plane.rows = sizes[inner - 1], plane.row_step = strides[inner - 1];
    if (plane.rows == 0 || plane.count == 0) return;
    if (rank <= 2) return body(std::as_const(plane));
    Nest outer = *this;
    outer.rank = rank - 2;
    outer.for_each_run([&](std::int64_t n, const Strides& offset, const Strides& step) {
      plane.offset = offset;
      for (std::int64_t i = 0; i < n; ++i) {
        body(std::as_const(plane));
        for (std::size_t t = 0; t < N; ++t) plane.offset[t] += step[t];
      }
    });
  }
  template <typename Body>
  void for_each_plane_in_parallel(const Body& body) const {
    parallel_for(sizes[0], grain(),
                 [&](std::int64_t begin, std::int64_t end) { part(begin, end).for_each_plane(body); });
  }

 private:
  // How many steps of the outermost loop are worth a thread.
  std::int64_t grain() const {
    constexpr std::int64_t least = 32768;  // elements, some 5 microseconds
    std::int64_t inner = 1;
    for (int i = 1; i < rank; ++i) inner *= sizes[static_cast<std::size_t>(i)];
    return std::max<std::int64_t>(1, least / std::max<std::int64_t>(inner, 1));
  }
};

}  // namespace lockstep::cpu
