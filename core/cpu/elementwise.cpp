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

// y = op(x) in the two innermost loops over the tensors.
template <UnaryOp op, typename T>
void unary_plane(const Nest<2>::Plane& plane, T* y, const T* x, T a, T b) {
  const std::int64_t n = plane.count;
  const auto [y_step, x_step] = plane.step;
  y += plane.offset[0], x += plane.offset[1];
  for (std::int64_t row = 0; row < plane.rows; ++row, y += plane.row_step[0], x += plane.row_step[1]) {
    if (y_step == 1 && x_step == 1) {
      if (vector_loop<op>(y, x, n)) continue;
      for (std::int64_t i = 0; i < n; ++i) y[i] = formula<op>(x[i], a, b);
    } else {
      for (std::int64_t i = 0; i < n; ++i) y[i * y_step] = formula<op>(x[i * x_step], a, b);
    }
  }
}

// y = op(a, b), likewise.
template <typename Y, typename T>
using BinaryPlane = void (*)(const Nest<3>::Plane& plane, Y* y, const T* a, const T* b);

template <BinaryOp op, typename T>
void binary_plane(const Nest<3>::Plane& plane, T* y, const T* a, const T* b) {
  const std::int64_t n = plane.count;
  const auto [y_step, a_step, b_step] = plane.step;
  const auto [y_row, a_row, b_row] = plane.row_step;
  y += plane.offset[0], a += plane.offset[1], b += plane.offset[2];
  for (std::int64_t row = 0; row < plane.rows; ++row, y += y_row, a += a_row, b += b_row) {
    if (y_step == 1 && a_step == 1 && b_step == 1) {
      for (std::int64_t i = 0; i < n; ++i) y[i] = formula<op>(a[i], b[i]);
    } else if (y_step == 1 && a_step == 1 && b_step == 0) {
      for (std::int64_t i = 0; i < n; ++i) y[i] = formula<op>(a[i], *b);
    } else {
      for (std::int64_t i = 0; i < n; ++i) y[i * y_step] = formula<op>(a[i * a_step], b[i * b_step]);
    }
  }
}

template <CompareOp op, typename T>
void compare_plane(const Nest<3>::Plane& plane, std::uint8_t* y, const T* a, const T* b) {
  const std::int64_t n = plane.count;
  const auto [y_step, a_step, b_step] = plane.step;
  const auto [y_row, a_row, b_row] = plane.row_step;
  y += plane.offset[0], a += plane.offset[1], b += plane.offset[2];
  for (std::int64_t row = 0; row < plane.rows; ++row, y += y_row, a += a_row, b += b_row) {
    if (y_step == 1 && a_step == 1 && b_step == 1) {
      for (std::int64_t i = 0; i < n; ++i) y[i] = formula<op>(a[i], b[i]) ? 1 : 0;
    } else {
      for (std::int64_t i = 0; i < n; ++i) y[i * y_step] = formula<op>(a[i * a_step], b[i * b_step]) ? 1 : 0;
    }
  }
}

// The loops of every formula, in the order of the enumeration. What is outside of them is compiled once.
template <typename T, std::size_t... op>
constexpr auto unary_planes(std::index_sequence<op...>) {
  return std::array{unary_plane<static_cast<UnaryOp>(op), T>...};
}
template <typename T, std::size_t... op>
constexpr auto binary_planes(std::index_sequence<op...>) {
  return std::array{binary_plane<static_cast<BinaryOp>(op), T>...};
}
template <typename T, std::size_t... op>
constexpr auto compare_planes(std::index_sequence<op...>) {
  return std::array{compare_plane<static_cast<CompareOp>(op), T>...};
}
template <typename Op>
constexpr std::make_index_sequence<static_cast<std::size_t>(Op::count)> all_of;

template <typename Y, typename T>
void for_each_plane(BinaryPlane<Y, T> body, const Tensor& y, const Tensor& a, const Tensor& b) {
  Y* const out = y.data<Y>();
  const T *const left = a.data<T>(), *const right = b.data<T>();
  Nest<3>(y.shape(), {&y, &a, &b}).for_each_plane_in_parallel([&](const auto& plane) {
    body(plane, out, left, right);
  });
}

}  // namespace

void CpuKernels::unary(UnaryOp op, const Tensor& y, const Tensor& x, double a, double b) const {
  dispatch_real(y.dtype(), [&](auto t) {
    using T = decltype(t);
    constexpr auto planes = unary_planes<T>(all_of<UnaryOp>);
    const auto body = planes[static_cast<std::size_t>(op)];
    T* const out = y.data<T>();
    const T* const in = x.data<T>();
    Nest<2>(y.shape(), {&y, &x}).for_each_plane_in_parallel([&](const auto& plane) {
      body(plane, out, in, static_cast<T>(a), static_cast<T>(b));
    });
  });
}

void CpuKernels::binary(BinaryOp op, const Tensor& y, const Tensor& a, const Tensor& b) const {
  const auto with = [&](auto t) {
    constexpr auto planes = binary_planes<decltype(t)>(all_of<BinaryOp>);
    for_each_plane(planes[static_cast<std::size_t>(op)], y, a, b);
  };
  y.dtype() == DType::i64 ? with(std::int64_t{}) : dispatch_real(y.dtype(), with);
}

void CpuKernels::compare(CompareOp op, const Tensor& y, const Tensor& a, const Tensor& b) const {
  dispatch(a.dtype(), [&](auto t) {
    constexpr auto planes = compare_planes<decltype(t)>(all_of<CompareOp>);
    for_each_plane(planes[static_cast<std::size_t>(op)], y, a, b);
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
