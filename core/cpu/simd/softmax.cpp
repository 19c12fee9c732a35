// Softmax and cross entropy. Bound by the throughput of exp (about 20 operations a vector) in L1 and L2, by
// memory bandwidth beyond; short rows by their lane sums.
#include "core/cpu/simd/softmax.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/cpu/simd/dispatch.h"
#include "core/runtime/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/cpu/simd/softmax.cpp"
#include <hwy/foreach_target.h>

#include "core/cpu/simd/math-inl.h"

#ifndef LOCKSTEP_SOFTMAX_TABLE  // once, not for every target
#define LOCKSTEP_SOFTMAX_TABLE
namespace lockstep::cpu {
template <typename T>
struct SoftmaxTable {
  void (*log_sum_exp)(T* lse, T* sum, const T* x, std::int64_t width);
  void (*cross_entropy_row)(T* dlogits, const T* logits, T lse, T scale, T floor, std::int64_t width);
};
}  // namespace lockstep::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace lockstep::cpu::HWY_NAMESPACE {
namespace {

// The row's largest element; NaNs may be passed over (they come back through exp).
template <typename T>
HWY_INLINE T row_max(const T* x, std::int64_t width) {
  Vec<T> most = set<T>(-std::numeric_limits<T>::infinity());
  std::int64_t i = 0;
  for (; i + lanes<T> <= width; i += lanes<T>) most = hn::Max(most, hn::LoadU(Tag<T>(), x + i));
  T result = max_lanes<T>(most);
  for (; i < width; ++i) result = std::max(result, x[i]);
  return result;
}

// Of one row; plain_sum (may be null), for label smoothing, is the sum of x.
template <typename T>
void log_sum_exp(T* lse, T* plain_sum, const T* x, std::int64_t width) {
  const T most = row_max(x, width);
  Vec<T> sum = set<T>(0), plain = set<T>(0);
  for_vectors<T>(width, [&](std::int64_t i, auto part) HWY_ATTR {
    const Vec<T> v = part.load(x + i);
    sum = hn::Add(sum, part.mask(exp<T>(hn::Sub(v, set<T>(most)))));
    plain = hn::Add(plain, v);
  });
  *lse = most + std::log(sum_lanes<T>(sum));
  if (plain_sum != nullptr) *plain_sum = sum_lanes<T>(plain);
}

// dlogits = (exp(logits - lse) - floor) scale
template <typename T>
void cross_entropy_row(T* dlogits, const T* logits, T lse, T scale, T floor, std::int64_t width) {
  for_vectors<T>(width, [&](std::int64_t i, auto part) HWY_ATTR {
    const Vec<T> p = exp<T>(hn::Sub(part.load(logits + i), set<T>(lse)));
    part.store(hn::Mul(hn::Sub(p, set<T>(floor)), set<T>(scale)), dlogits + i);
  });
}

template <typename T>
constexpr SoftmaxTable<T> softmax_table = {log_sum_exp<T>, cross_entropy_row<T>};

const Tables<SoftmaxTable>& softmax_tables() {
  static constexpr Tables<SoftmaxTable> tables = {softmax_table<float>, softmax_table<double>};
  return tables;
}

}  // namespace
}  // namespace lockstep::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lockstep::cpu {

HWY_EXPORT(softmax_tables);

namespace {

template <typename T>
const SoftmaxTable<T>& kernels_of() {
  return HWY_DYNAMIC_DISPATCH(softmax_tables)().get<T>();
}

std::int64_t row_grain(std::int64_t width) {
  return std::max<std::int64_t>(1, 8192 / std::max<std::int64_t>(width, 1));
}

}  // namespace

// With s = label_smoothing: loss = lse - (1 - s) logit of the target - s mean(logits).
template <typename T>
void cross_entropy_forward(T* losses, T* lse, const T* logits, const std::int64_t* targets, std::int64_t rows,
                           std::int64_t width, const CrossEntropy& options) {
  const auto kernel = kernels_of<T>().log_sum_exp;
  const T smoothing = static_cast<T>(options.label_smoothing);
  parallel_for(rows, row_grain(width), [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      if (targets[row] == options.ignore_index) {
        losses[row] = lse[row] = 0;
        continue;
      }
      kernel(lse + row, smoothing != 0 ? losses + row : nullptr, logits + row * width, width);
      const T target = logits[row * width + targets[row]];
      const T plain = lse[row] - target;
      losses[row] =
          smoothing != 0 ? plain + smoothing * (target - losses[row] / static_cast<T>(width)) : plain;
    }
  });
}

template <typename T>
void cross_entropy_backward(T* dlogits, const T* scale, std::int64_t scale_stride, const T* logits,
                            const T* lse, const std::int64_t* targets, std::int64_t rows, std::int64_t width,
                            const CrossEntropy& options) {
  const auto kernel = kernels_of<T>().cross_entropy_row;
  const T floor = static_cast<T>(options.label_smoothing / static_cast<double>(width));
  const T one = static_cast<T>(1 - options.label_smoothing);
  parallel_for(rows, row_grain(width), [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      T* const d = dlogits + row * width;
      if (targets[row] == options.ignore_index) {
        std::fill_n(d, width, T(0));
        continue;
      }
      const T factor = scale[row * scale_stride];
      const T target = logits[row * width + targets[row]];
      kernel(d, logits + row * width, lse[row], factor, floor, width);
      d[targets[row]] = (std::exp(target - lse[row]) - floor - one) * factor;
    }
  });
}

#define LOCKSTEP_FOR(T)                                                                                     \
  template void cross_entropy_forward(T*, T*, const T*, const std::int64_t*, std::int64_t, std::int64_t,    \
                                      const CrossEntropy&);                                                 \
  template void cross_entropy_backward(T*, const T*, std::int64_t, const T*, const T*, const std::int64_t*, \
                                       std::int64_t, std::int64_t, const CrossEntropy&);
LOCKSTEP_FOR(float)
LOCKSTEP_FOR(double)
#undef LOCKSTEP_FOR

}  // namespace lockstep::cpu
#endif
