// Sums in registers, with neighbouring columns in the lanes: a number of every row of a at a time, four rows
// of the thin factor for each read of a column.
#include "core/cpu/simd/thin_columns.h"

#include <algorithm>

#include "core/cpu/simd/dispatch.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/cpu/simd/thin_columns.cpp"
#include <hwy/foreach_target.h>

#include "core/cpu/simd/lanes-inl.h"

#ifndef LOCKSTEP_THIN_TABLE  // once, not for every target
#define LOCKSTEP_THIN_TABLE
namespace lockstep::cpu {

template <typename T>
struct ThinTable {
  void (*product)(std::int64_t m, const T* a, std::int64_t a_stride, const Columns<const T>& b, const T* bias,
                  T* c, std::int64_t stride);
  void (*add)(std::int64_t m, const Columns<T>& b, const T* a, std::int64_t a_stride, const T* d,
              std::int64_t stride);
  void (*gradient)(std::int64_t m, const Columns<const T>& b, const T* d, std::int64_t stride,
                   bool accumulate, T* a, std::int64_t a_stride);
};

}  // namespace lockstep::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace lockstep::cpu::HWY_NAMESPACE {
namespace {

template <int rows, typename T, class Read>
HWY_INLINE void thin_tile(const T* a, std::int64_t a_stride, const Columns<const T>& b, const T* from,
                          const T* bias, T* c, std::int64_t stride, Read part) {
  const auto k = static_cast<std::int64_t>(b.rows.size());
  Vec<T> sums[rows];
  HWY_UNROLL(4)
  for (int r = 0; r < rows; ++r) sums[r] = set<T>(bias == nullptr ? T(0) : bias[r]);
  for (std::int64_t q = 0; q < k; ++q) {
    const Vec<T> x = part.load(from + b.rows[static_cast<std::size_t>(q)]);
    HWY_UNROLL(4)
    for (int r = 0; r < rows; ++r) sums[r] = hn::MulAdd(set<T>(a[r * a_stride + q]), x, sums[r]);
  }
  HWY_UNROLL(4)
  for (int r = 0; r < rows; ++r) part.store(sums[r], c + r * stride);
}

template <typename T>
void thin_product_of_runs(std::int64_t m, const T* a, std::int64_t a_stride, const Columns<const T>& b,
                          const T* bias, T* c, std::int64_t stride) {
  for (const Run& run : b.runs) {
    for_vectors<T>(run.count, [&](std::int64_t i, auto part) HWY_ATTR {
      const T* const from = b.data + run.from + i;
      T* const to = c + run.column + i;
      const auto bias_at = [&](std::int64_t r) { return bias == nullptr ? nullptr : bias + r; };
      std::int64_t r = 0;
      for (; r + 4 <= m; r += 4)
        thin_tile<4>(a + r * a_stride, a_stride, b, from, bias_at(r), to + r * stride, stride, part);
      for (; r < m; ++r)
        thin_tile<1>(a + r * a_stride, a_stride, b, from, bias_at(r), to + r * stride, stride, part);
    });
  }
}

// A row of b after the other: neighbours in memory are far apart in time, and need not wait for each other.
template <typename T>
void thin_add_to_runs(std::int64_t m, const Columns<T>& b, const T* a, std::int64_t a_stride, const T* d,
                      std::int64_t stride) {
  const auto k = static_cast<std::int64_t>(b.rows.size());
  for (std::int64_t q = 0; q < k; ++q) {
    for (const Run& run : b.runs) {
      T* const to = b.data + b.rows[static_cast<std::size_t>(q)] + run.from;
      const T* const from = d + run.column;
      for_vectors<T>(run.count, [&](std::int64_t i, auto part) HWY_ATTR {
        Vec<T> sum = part.load(to + i);
        for (std::int64_t r = 0; r < m; ++r)
          sum = hn::MulAdd(set<T>(a[r * a_stride + q]), part.load(from + r * stride + i), sum);
        part.store(sum, to + i);
      });
    }
  }
}

// Of `count` rows of b and one of d.
template <int count, typename T>
HWY_INLINE void thin_dots(const Columns<const T>& b, const std::int64_t* rows, const T* d, bool accumulate,
                          T* a) {
  Vec<T> sums[count];
  HWY_UNROLL(9)
  for (int q = 0; q < count; ++q) sums[q] = hn::Zero(Tag<T>());
  for (const Run& run : b.runs) {
    const T* const from = b.data + run.from;
    for_vectors<T>(run.count, [&](std::int64_t i, auto part) HWY_ATTR {
      const Vec<T> dy = part.load(d + run.column + i);
      HWY_UNROLL(9)
      for (int q = 0; q < count; ++q) sums[q] = hn::MulAdd(dy, part.load(from + rows[q] + i), sums[q]);
    });
  }
  for (int q = 0; q < count; ++q) a[q] = sum_lanes<T>(sums[q]) + (accumulate ? a[q] : T(0));
}

template <typename T>
void thin_gradient_of_runs(std::int64_t m, const Columns<const T>& b, const T* d, std::int64_t stride,
                           bool accumulate, T* a, std::int64_t a_stride) {
  const auto k = static_cast<std::int64_t>(b.rows.size());
  for (std::int64_t r = 0; r < m; ++r) {
    const std::int64_t* const rows = b.rows.data();
    T* const to = a + r * a_stride;
    std::int64_t q = 0;
    for (; q + 9 <= k; q += 9) thin_dots<9>(b, rows + q, d + r * stride, accumulate, to + q);
    for (; q + 3 <= k; q += 3) thin_dots<3>(b, rows + q, d + r * stride, accumulate, to + q);
    for (; q < k; ++q) thin_dots<1>(b, rows + q, d + r * stride, accumulate, to + q);
  }
}

template <typename T>
constexpr ThinTable<T> thin_table = {thin_product_of_runs<T>, thin_add_to_runs<T>, thin_gradient_of_runs<T>};

const Tables<ThinTable>& thin_tables() {
  static constexpr Tables<ThinTable> tables = {thin_table<float>, thin_table<double>};
  return tables;
}

}  // namespace
}  // namespace lockstep::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lockstep::cpu {

HWY_EXPORT(thin_tables);

namespace {

template <typename T>
const ThinTable<T>& thin_kernels() {
  return HWY_DYNAMIC_DISPATCH(thin_tables)().template get<T>();
}

}  // namespace

template <typename T>
void thin_product(std::int64_t m, const T* a, std::int64_t a_stride, const Columns<const T>& b, const T* bias,
                  T* c, std::int64_t stride) {
  thin_kernels<T>().product(m, a, a_stride, b, bias, c, stride);
}

template <typename T>
void thin_add(std::int64_t m, const Columns<T>& b, const T* a, std::int64_t a_stride, const T* d,
              std::int64_t stride) {
  thin_kernels<T>().add(m, b, a, a_stride, d, stride);
}

template <typename T>
void thin_gradient(std::int64_t m, const Columns<const T>& b, const T* d, std::int64_t stride,
                   bool accumulate, T* a, std::int64_t a_stride) {
  thin_kernels<T>().gradient(m, b, d, stride, accumulate, a, a_stride);
}

template void thin_product(std::int64_t, const float*, std::int64_t, const Columns<const float>&,
                           const float*, float*, std::int64_t);
template void thin_product(std::int64_t, const double*, std::int64_t, const Columns<const double>&,
                           const double*, double*, std::int64_t);
template void thin_add(std::int64_t, const Columns<float>&, const float*, std::int64_t, const float*,
                       std::int64_t);
template void thin_add(std::int64_t, const Columns<double>&, const double*, std::int64_t, const double*,
                       std::int64_t);
template void thin_gradient(std::int64_t, const Columns<const float>&, const float*, std::int64_t, bool,
                            float*, std::int64_t);
template void thin_gradient(std::int64_t, const Columns<const double>&, const double*, std::int64_t, bool,
                            double*, std::int64_t);

}  // namespace lockstep::cpu
#endif
