// Sums and products. All bound by memory bandwidth, or by loads and stores (one or two a cycle) within the
// caches.
#include "core/cpu/simd/vector_ops.h"

#include <algorithm>

#include "core/cpu/simd/dispatch.h"
#include "core/runtime/memory.h"
#include "core/runtime/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/cpu/simd/vector_ops.cpp"
#include <hwy/foreach_target.h>

#include "core/cpu/simd/lanes-inl.h"

#ifndef LOCKSTEP_VECTOR_OPS_TABLE  // once, not for every target
#define LOCKSTEP_VECTOR_OPS_TABLE
namespace lockstep::cpu {
template <typename T>
struct VectorOpsTable {
  void (*column_sum)(T* sums, const T* x, std::int64_t rows, std::int64_t columns, std::int64_t width);
  double (*dot)(const T* a, const T* b, std::int64_t n);
};
}  // namespace lockstep::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace lockstep::cpu::HWY_NAMESPACE {
namespace {

// The sums of some columns of a matrix with rows of `width`. 64 rows at a time, so that long columns lose no
// digits.
template <typename T>
void column_sum(T* sums, const T* x, std::int64_t rows, std::int64_t columns, std::int64_t width) {
  constexpr std::int64_t n = lanes<T>, block = 64;
  std::int64_t i = 0;
  for (; i + 4 * n <= columns; i += 4 * n) {
    for (std::int64_t first = 0; first < rows; first += block) {
      Vec<T> s0 = set<T>(0), s1 = s0, s2 = s0, s3 = s0;
      const Whole<T> w;
      const std::int64_t last = std::min(first + block, rows);
      const T* from = x + first * width + i;
      for (std::int64_t row = first; row < last; ++row, from += width) {
        s0 = hn::Add(s0, w.load(from)), s1 = hn::Add(s1, w.load(from + n));
        s2 = hn::Add(s2, w.load(from + 2 * n)), s3 = hn::Add(s3, w.load(from + 3 * n));
      }
      T* const to = sums + i;
      w.store(hn::Add(s0, w.load(to)), to), w.store(hn::Add(s1, w.load(to + n)), to + n);
      w.store(hn::Add(s2, w.load(to + 2 * n)), to + 2 * n),
          w.store(hn::Add(s3, w.load(to + 3 * n)), to + 3 * n);
    }
  }
  for_vectors<T>(columns - i, [&](std::int64_t j, auto part) HWY_ATTR {
    for (std::int64_t first = 0; first < rows; first += block) {
      Vec<T> s = set<T>(0);
      for (std::int64_t row = first; row < std::min(first + block, rows); ++row) {
        s = hn::Add(s, part.load(x + row * width + i + j));
      }
      part.store(hn::Add(s, part.load(sums + i + j)), sums + i + j);
    }
  });
}

// f32 products are exact in f64.
HWY_INLINE double block_dot(const float* a, const float* b, std::int64_t n) {
#if HWY_TARGET == HWY_SCALAR
  double total = 0;
  for (std::int64_t i = 0; i < n; ++i) total += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return total;
#else
  const Tag<double> wide;
  const hn::Rebind<float, Tag<double> > narrow;
  constexpr std::int64_t step = lanes<double>;
  Vec<double> s0 = set<double>(0), s1 = s0, s2 = s0, s3 = s0;
  const auto load = [=](const float* from) HWY_ATTR { return hn::PromoteTo(wide, hn::LoadU(narrow, from)); };
  std::int64_t i = 0;
  for (; i + 4 * step <= n; i += 4 * step) {
    s0 = hn::MulAdd(load(a + i), load(b + i), s0);
    s1 = hn::MulAdd(load(a + i + step), load(b + i + step), s1);
    s2 = hn::MulAdd(load(a + i + 2 * step), load(b + i + 2 * step), s2);
    s3 = hn::MulAdd(load(a + i + 3 * step), load(b + i + 3 * step), s3);
  }
  double total = sum_lanes<double>(hn::Add(hn::Add(s0, s1), hn::Add(s2, s3)));
  for (; i < n; ++i) total += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return total;
#endif
}

HWY_INLINE double block_dot(const double* a, const double* b, std::int64_t n) {
  constexpr std::int64_t step = lanes<double>;
  const Whole<double> w;
  Vec<double> s0 = set<double>(0), s1 = s0, s2 = s0, s3 = s0;
  std::int64_t i = 0;
  for (; i + 4 * step <= n; i += 4 * step) {
    s0 = hn::MulAdd(w.load(a + i), w.load(b + i), s0);
    s1 = hn::MulAdd(w.load(a + i + step), w.load(b + i + step), s1);
    s2 = hn::MulAdd(w.load(a + i + 2 * step), w.load(b + i + 2 * step), s2);
    s3 = hn::MulAdd(w.load(a + i + 3 * step), w.load(b + i + 3 * step), s3);
  }
  double total = sum_lanes<double>(hn::Add(hn::Add(s0, s1), hn::Add(s2, s3)));
  for (; i < n; ++i) total += a[i] * b[i];
  return total;
}

template <typename T>
double dot(const T* a, const T* b, std::int64_t n) {
  return block_dot(a, b, n);
}

template <typename T>
constexpr VectorOpsTable<T> vector_ops_table = {column_sum<T>, dot<T>};

const Tables<VectorOpsTable>& vector_ops_tables() {
  static constexpr Tables<VectorOpsTable> tables = {vector_ops_table<float>, vector_ops_table<double>};
  return tables;
}

}  // namespace
}  // namespace lockstep::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lockstep::cpu {

HWY_EXPORT(vector_ops_tables);

namespace {

constexpr std::int64_t grain = 32768;  // elements, some 5 microseconds

template <typename T>
const VectorOpsTable<T>& kernels_of() {
  return HWY_DYNAMIC_DISPATCH(vector_ops_tables)().get<T>();
}

}  // namespace

// Threads take columns, so that each column is summed in the one order. Chunks of 64 columns keep whole cache
// lines.
template <typename T>
void column_sum(T* sums, const T* x, std::int64_t rows, std::int64_t width) {
  const auto kernel = kernels_of<T>().column_sum;
  constexpr std::int64_t chunk = 64;
  const std::int64_t chunks = (width + chunk - 1) / chunk;
  parallel_for(chunks, std::max<std::int64_t>(1, grain / (chunk * std::max<std::int64_t>(rows, 1))),
               [=](std::int64_t begin, std::int64_t end) {
                 const std::int64_t first = begin * chunk, last = std::min(end * chunk, width);
                 kernel(sums + first, x + first, rows, last - first, width);
               });
}

// Blocks of a fixed size, whatever the threads, are added up in order.
template <typename T>
double dot(const T* a, const T* b, std::int64_t n) {
  const auto kernel = kernels_of<T>().dot;
  if (n <= grain) return kernel(a, b, n);
  const std::int64_t blocks = (n + grain - 1) / grain;
  const Buffer scratch(static_cast<std::size_t>(blocks) * sizeof(double));
  double* const sums = static_cast<double*>(scratch.data());
  parallel_for(blocks, 1, [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t block = begin; block < end; ++block) {
      sums[block] = kernel(a + block * grain, b + block * grain, std::min(grain, n - block * grain));
    }
  });
  double total = 0;
  for (std::int64_t block = 0; block < blocks; ++block) total += sums[block];
  return total;
}

template <typename T>
double sum_of_squares(const T* x, std::int64_t n) {
  return dot(x, x, n);
}

#define LOCKSTEP_FOR(T)                                               \
  template void column_sum(T*, const T*, std::int64_t, std::int64_t); \
  template double dot(const T*, const T*, std::int64_t);              \
  template double sum_of_squares(const T*, std::int64_t);
LOCKSTEP_FOR(float)
LOCKSTEP_FOR(double)
#undef LOCKSTEP_FOR

}  // namespace lockstep::cpu
#endif
