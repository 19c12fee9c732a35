// Elementwise kernels: one loop per formula over merged dimensions. Bound by memory bandwidth for the simple
// formulas and those with a vector form, by libm for the others. What has a vector form may differ in the
// last bits between contiguous numbers and others.
#include <utility>

#include "core/cpu/cpu_kernels.h"
#include "core/cpu/simd/gelu.h"
#include "core/cpu/simd/maps.h"
#include "core/cpu/strided.h"

namespace lockstep::cpu {

namespace {

// y = op(x) of contiguous numbers on the vector kernels; false if op has none.
template <UnaryOp op, typename T>
bool vector_loop(T* y, const T* x, std::int64_t n) {
  using enum UnaryOp;
  if constexpr (op == exp) return map(Map::exp, y, x, n), true;
  if constexpr (op == log) return map(Map::log, y, x, n), true;
  if constexpr (op == tanh) return map(Map::tanh, y, x, n), true;
  if constexpr (op == sigmoid) return map(Map::sigmoid, y, x, n), true;
  if constexpr (op == erf) return map(Map::erf, y, x, n), true;
  if constexpr (op == silu) return map(Map::silu, y, x, n), true;
  if constexpr (op == gelu) return gelu_forward(Gelu::exact, y, x, n), true;
  if constexpr (op == gelu_tanh) return gelu_forward(Gelu::tanh, y, x, n), true;
  if constexpr (op == gelu_slope) return cpu::gelu_slope(Gelu::exact, y, x, n), true;
  if constexpr (op == gelu_tanh_slope) return cpu::gelu_slope(Gelu::tanh, y, x, n), true;
  return false;
}

template <UnaryOp op, typename T>
void unary_loop(const Tensor& y, const Tensor& x, T a, T b) {
  T* const out = y.data<T>();
  const T* const in = x.data<T>();
  Nest<2>(y.shape(), {&y, &x})
      .for_each_run_in_parallel([&](std::int64_t n, const auto& offset, const auto& stride) {
        T* const p = out + offset[0];
        const T* const q = in + offset[1];
        if (stride[0] == 1 && stride[1] == 1) {
          if (vector_loop<op>(p, q, n)) return;
          for (std::int64_t i = 0; i < n; ++i) p[i] = formula<op>(q[i], a, b);
        } else {
          for (std::int64_t i = 0; i < n; ++i) p[i * stride[0]] = formula<op>(q[i * stride[1]], a, b);
        }
      });
}

template <BinaryOp op, typename T>
void binary_loop(const Tensor& y, const Tensor& a, const Tensor& b) {
  T* const out = y.data<T>();
  const T* const left = a.data<T>();
  const T* const right = b.data<T>();
  Nest<3>(y.shape(), {&y, &a, &b})
      .for_each_run_in_parallel([&](std::int64_t n, const auto& offset, const auto& stride) {
        T* const p = out + offset[0];
        const T* const q = left + offset[1];
        const T* const r = right + offset[2];
        if (stride[0] == 1 && stride[1] == 1 && stride[2] == 1) {
          for (std::int64_t i = 0; i < n; ++i) p[i] = formula<op>(q[i], r[i]);
        } else if (stride[0] == 1 && stride[1] == 1 && stride[2] == 0) {
          for (std::int64_t i = 0; i < n; ++i) p[i] = formula<op>(q[i], *r);
        } else {
          for (std::int64_t i = 0; i < n; ++i)
            p[i * stride[0]] = formula<op>(q[i * stride[1]], r[i * stride[2]]);
        }
      });
}

template <CompareOp op, typename T>
void compare_loop(const Tensor& y, const Tensor& a, const Tensor& b) {
  Nest<3>(y.shape(), {&y, &a, &b})
      .for_each_run_in_parallel([&](std::int64_t n, const auto& offset, const auto& stride) {
        std::uint8_t* const p = y.data<std::uint8_t>() + offset[0];
        const T* const q = a.data<T>() + offset[1];
        const T* const r = b.data<T>() + offset[2];
        for (std::int64_t i = 0; i < n; ++i)
          p[i * stride[0]] = formula<op>(q[i * stride[1]], r[i * stride[2]]) ? 1 : 0;
      });
}

// The loop of every formula, in the order of the enumeration.
template <typename T, std::size_t... op>
constexpr auto unary_loops(std::index_sequence<op...>) {
  return std::array{unary_loop<static_cast<UnaryOp>(op), T>...};
}
template <typename T, std::size_t... op>
constexpr auto binary_loops(std::index_sequence<op...>) {
  return std::array{binary_loop<static_cast<BinaryOp>(op), T>...};
}
template <typename T, std::size_t... op>
constexpr auto compare_loops(std::index_sequence<op...>) {
  return std::array{compare_loop<static_cast<CompareOp>(op), T>...};
}

}  // namespace

void CpuKernels::unary(UnaryOp op, const Tensor& y, const Tensor& x, double a, double b) const {
  dispatch_real(y.dtype(), [&](auto t) {
    using T = decltype(t);
    constexpr auto loops =
        unary_loops<T>(std::make_index_sequence<static_cast<std::size_t>(UnaryOp::count)>());
    loops[static_cast<std::size_t>(op)](y, x, static_cast<T>(a), static_cast<T>(b));
  });
}

void CpuKernels::binary(BinaryOp op, const Tensor& y, const Tensor& a, const Tensor& b) const {
  constexpr std::make_index_sequence<static_cast<std::size_t>(BinaryOp::count)> all;
  if (y.dtype() == DType::i64) {
    constexpr auto loops = binary_loops<std::int64_t>(all);
    return loops[static_cast<std::size_t>(op)](y, a, b);
  }
  dispatch_real(y.dtype(), [&](auto t) {
    constexpr auto loops = binary_loops<decltype(t)>(all);
    loops[static_cast<std::size_t>(op)](y, a, b);
  });
}

void CpuKernels::compare(CompareOp op, const Tensor& y, const Tensor& a, const Tensor& b) const {
  dispatch(a.dtype(), [&](auto t) {
    constexpr auto loops =
        compare_loops<decltype(t)>(std::make_index_sequence<static_cast<std::size_t>(CompareOp::count)>());
    loops[static_cast<std::size_t>(op)](y, a, b);
  });
}

void CpuKernels::where(const Tensor& y, const Tensor& condition, const Tensor& a, const Tensor& b) const {
  dispatch(y.dtype(), [&](auto t) {
    using T = decltype(t);
    T* const out = y.data<T>();
    const std::uint8_t* const holds = condition.data<std::uint8_t>();
    const T *const left = a.data<T>(), *const right = b.data<T>();
    Nest<4>(y.shape(), {&y, &condition, &a, &b})
        .for_each_run_in_parallel([&](std::int64_t n, const auto& offset, const auto& stride) {
          for (std::int64_t i = 0; i < n; ++i)
            out[offset[0] + i * stride[0]] = holds[offset[1] + i * stride[1]] != 0
                                                 ? left[offset[2] + i * stride[2]]
                                                 : right[offset[3] + i * stride[3]];
        });
  });
}

void CpuKernels::fill(const Tensor& y, double value) const {
  dispatch(y.dtype(), [&](auto t) {
    using T = decltype(t);
    Nest<1>(y.shape(), {&y})
        .for_each_run_in_parallel([&](std::int64_t n, const auto& offset, const auto& stride) {
          T* const p = y.data<T>() + offset[0];
          for (std::int64_t i = 0; i < n; ++i) p[i * stride[0]] = static_cast<T>(value);
        });
  });
}

void CpuKernels::copy(const Tensor& y, const Tensor& x) const {
  dispatch(y.dtype(), [&](auto to) {
    dispatch(x.dtype(), [&](auto from) {
      using To = decltype(to);
      using From = decltype(from);
      Nest<2>(y.shape(), {&y, &x})
          .for_each_run_in_parallel([&](std::int64_t n, const auto& offset, const auto& stride) {
            To* const p = y.data<To>() + offset[0];
            const From* const q = x.data<From>() + offset[1];
            if (stride[0] == 1 && stride[1] == 1) {
              for (std::int64_t i = 0; i < n; ++i) p[i] = static_cast<To>(q[i]);
            } else {
              for (std::int64_t i = 0; i < n; ++i) p[i * stride[0]] = static_cast<To>(q[i * stride[1]]);
            }
          });
    });
  });
}

}  // namespace lockstep::cpu
