// Layer norm and RMS norm. Each row is read from memory once and from L1 for the later passes, so both
// directions are bound by memory bandwidth for tensors beyond L2, and by loads and lane sums (about 30 cycles
// a row) within it.
#include "core/cpu/simd/layer_norm.h"

#include <algorithm>
#include <cmath>

#include "core/cpu/simd/dispatch.h"
#include "core/runtime/memory.h"
#include "core/runtime/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/cpu/simd/layer_norm.cpp"
#include <hwy/foreach_target.h>

#include "core/cpu/simd/lanes-inl.h"

#ifndef LOCKSTEP_LAYER_NORM_TABLE  // once, not for every target
#define LOCKSTEP_LAYER_NORM_TABLE
namespace lockstep::cpu {

// A call's arguments; an RMS norm has no mean and no bias.
template <typename T>
struct NormForward {
  T *y, *mean, *rstd;
  const T *x, *gain, *bias;
  std::int64_t width;
  double eps;
};

template <typename T>
struct NormBackward {
  T* dx;
  const T *dy, *x, *mean, *rstd, *gain;
  std::int64_t width;
  bool add_dx;
};

template <typename T>
struct LayerNormTable {
  void (*forward)(const NormForward<T>& call, std::int64_t begin, std::int64_t end);
  // Adds these rows' sums for gain and bias to dgain and dbias where they are not null.
  void (*backward)(const NormBackward<T>& call, T* dgain, T* dbias, std::int64_t begin, std::int64_t end);
};

}  // namespace lockstep::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace lockstep::cpu::HWY_NAMESPACE {
namespace {

template <typename T>
void norm_forward_rows(const NormForward<T>& call, std::int64_t begin, std::int64_t end) {
  const T width = static_cast<T>(call.width);
  for (std::int64_t row = begin; row < end; ++row) {
    const T* const x = call.x + row * call.width;
    T* const y = call.y + row * call.width;
    T mean = 0;
    if (call.mean != nullptr) {
      Vec<T> sum = set<T>(0);
      for_vectors<T>(call.width,
                     [&](std::int64_t i, auto part) HWY_ATTR { sum = hn::Add(sum, part.load(x + i)); });
      call.mean[row] = mean = sum_lanes<T>(sum) / width;
    }
    const Vec<T> center = set<T>(mean);
    Vec<T> squares = set<T>(0);
    for_vectors<T>(call.width, [&](std::int64_t i, auto part) HWY_ATTR {
      const Vec<T> c = part.mask(hn::Sub(part.load(x + i), center));
      squares = hn::MulAdd(c, c, squares);
    });
    const T rstd = T(1) / std::sqrt(sum_lanes<T>(squares) / width + static_cast<T>(call.eps));
    call.rstd[row] = rstd;
    const Vec<T> scale = set<T>(rstd);
    for_vectors<T>(call.width, [&](std::int64_t i, auto part) HWY_ATTR {
      Vec<T> v = hn::Mul(hn::Sub(part.load(x + i), center), scale);
      if (call.gain != nullptr) v = hn::Mul(v, part.load(call.gain + i));
      if (call.bias != nullptr) v = hn::Add(v, part.load(call.bias + i));
      part.store(v, y + i);
    });
  }
}

// With n = (x - mean) rstd and g = dy gain: dx = rstd (g - mean(g) - n mean(g n)), without the mean(g) in an
// RMS norm.
template <typename T>
void norm_backward_rows(const NormBackward<T>& call, T* dgain, T* dbias, std::int64_t begin,
                        std::int64_t end) {
  for (std::int64_t row = begin; row < end; ++row) {
    const T* const x = call.x + row * call.width;
    const T* const dy = call.dy + row * call.width;
    const Vec<T> center = set<T>(call.mean != nullptr ? call.mean[row] : T(0)),
                 scale = set<T>(call.rstd[row]);
    Vec<T> sum = set<T>(0), product = set<T>(0);
    for_vectors<T>(call.width, [&](std::int64_t i, auto part) HWY_ATTR {
      const Vec<T> n = hn::Mul(hn::Sub(part.load(x + i), center), scale), up = part.load(dy + i);
      if (dgain != nullptr) part.store(hn::MulAdd(up, n, part.load(dgain + i)), dgain + i);
      if (dbias != nullptr) part.store(hn::Add(part.load(dbias + i), up), dbias + i);
      const Vec<T> g = call.gain != nullptr ? hn::Mul(up, part.load(call.gain + i)) : up;
      sum = hn::Add(sum, g);
      product = hn::MulAdd(g, n, product);
    });
    if (call.dx == nullptr) continue;
    T* const dx = call.dx + row * call.width;
    const T width = static_cast<T>(call.width);
    const Vec<T> mean = set<T>(call.mean != nullptr ? sum_lanes<T>(sum) / width : T(0));
    const Vec<T> slope = set<T>(sum_lanes<T>(product) / width);
    for_vectors<T>(call.width, [&](std::int64_t i, auto part) HWY_ATTR {
      const Vec<T> n = hn::Mul(hn::Sub(part.load(x + i), center), scale), up = part.load(dy + i);
      const Vec<T> g = call.gain != nullptr ? hn::Mul(up, part.load(call.gain + i)) : up;
      const Vec<T> inner = hn::NegMulAdd(n, slope, hn::Sub(g, mean));
      part.store(call.add_dx ? hn::MulAdd(scale, inner, part.load(dx + i)) : hn::Mul(scale, inner), dx + i);
    });
  }
}

const Tables<LayerNormTable>& layer_norm_tables() {
  static constexpr Tables<LayerNormTable> tables = {{norm_forward_rows<float>, norm_backward_rows<float>},
                                                    {norm_forward_rows<double>, norm_backward_rows<double>}};
  return tables;
}

}  // namespace
}  // namespace lockstep::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lockstep::cpu {

HWY_EXPORT(layer_norm_tables);

namespace {

std::int64_t row_grain(std::int64_t width) {
  return std::max<std::int64_t>(1, 16384 / std::max<std::int64_t>(width, 1));
}

template <typename T>
void forward(const NormForward<T>& call, std::int64_t rows) {
  const auto kernel = HWY_DYNAMIC_DISPATCH(layer_norm_tables)().get<T>().forward;
  parallel_for(rows, row_grain(call.width),
               [&](std::int64_t begin, std::int64_t end) { kernel(call, begin, end); });
}

// The rows are summed in at most 16 blocks, whatever the threads, and the blocks in order.
template <typename T>
void backward(const NormBackward<T>& call, T* dgain, T* dbias, std::int64_t rows) {
  const auto kernel = HWY_DYNAMIC_DISPATCH(layer_norm_tables)().get<T>().backward;
  const std::int64_t width = call.width;
  if (dgain == nullptr && dbias == nullptr) {
    parallel_for(rows, row_grain(width),
                 [&](std::int64_t begin, std::int64_t end) { kernel(call, nullptr, nullptr, begin, end); });
    return;
  }
  const std::int64_t blocks = std::clamp<std::int64_t>(rows / 64, 1, 16);
  const Buffer scratch(static_cast<std::size_t>(2 * blocks * width) * sizeof(T));
  T* const partial = static_cast<T*>(scratch.data());
  const std::int64_t block_grain =
      std::max<std::int64_t>(1, row_grain(width) * blocks / std::max<std::int64_t>(rows, 1));
  parallel_for(blocks, block_grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t b = begin; b < end; ++b) {
      T* const sums = partial + 2 * b * width;
      std::fill_n(sums, 2 * width, T(0));
      kernel(call, dgain != nullptr ? sums : nullptr, dbias != nullptr ? sums + width : nullptr,
             b * rows / blocks, (b + 1) * rows / blocks);
    }
  });
  const auto add_up = [&](T* total, std::int64_t offset) {
    for (std::int64_t b = 0; total != nullptr && b < blocks; ++b) {
      for (std::int64_t i = 0; i < width; ++i) total[i] += partial[2 * b * width + offset + i];
    }
  };
  add_up(dgain, 0);
  add_up(dbias, width);
}

}  // namespace

template <typename T>
void layer_norm_forward(T* y, T* mean, T* rstd, const T* x, const T* gain, const T* bias, std::int64_t rows,
                        std::int64_t width, double eps) {
  forward<T>({y, mean, rstd, x, gain, bias, width, eps}, rows);
}

template <typename T>
void layer_norm_backward(T* dx, T* dgain, T* dbias, const T* dy, const T* x, const T* mean, const T* rstd,
                         const T* gain, std::int64_t rows, std::int64_t width, bool add_dx) {
  backward<T>({dx, dy, x, mean, rstd, gain, width, add_dx}, dgain, dbias, rows);
}

#define LOCKSTEP_FOR(T)                                                                                  \
  template void layer_norm_forward(T*, T*, T*, const T*, const T*, const T*, std::int64_t, std::int64_t, \
                                   double);                                                              \
  template void layer_norm_backward(T*, T*, T*, const T*, const T*, const T*, const T*, const T*,        \
                                    std::int64_t, std::int64_t, bool);
LOCKSTEP_FOR(float)
LOCKSTEP_FOR(double)
#undef LOCKSTEP_FOR

}  // namespace lockstep::cpu
#endif
