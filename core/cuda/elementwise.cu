// Elementwise kernels: a thread an element, one kernel for every formula. Bound by memory bandwidth.
#include <array>
#include <utility>

#include "core/cuda/cuda_kernels.h"
#include "core/cuda/strided.h"

namespace lockstep::cuda {

namespace {

template <typename To, typename From>
struct Convert {
  __device__ To operator()(From x) const { return static_cast<To>(x); }
};
template <UnaryOp op, typename T>
struct Unary {
  T a, b;
  auto fields() const { return std::tie(a, b); }
  __device__ T operator()(T x) const { return formula<op>(x, a, b); }
};
template <BinaryOp op, typename T>
struct Binary {
  __device__ T operator()(T x, T y) const { return formula<op>(x, y); }
};
template <typename T>
struct Choose {
  __device__ T operator()(std::uint8_t condition, T a, T b) const { return condition != 0 ? a : b; }
};
template <CompareOp op, typename T>
struct Compare {
  __device__ std::uint8_t operator()(T a, T b) const { return formula<op>(a, b) ? 1 : 0; }
};
template <typename T>
struct Constant {
  T value;
  auto fields() const { return std::tie(value); }
  __device__ T operator()() const { return value; }
};

// y = f(x...), element by element.
template <typename F, typename Y, typename... X, std::size_t... input>
__device__ void apply_all(std::index_sequence<input...>, F f, const Strided<1 + sizeof...(X)>& walk,
                          std::int64_t n, Y* y, const X*... x) {
  for (std::int64_t i = first_element(); i < n; i += all_threads()) {
    const auto at = offsets(walk, i);
    y[at[0]] = f(x[at[1 + input]]...);
  }
}
template <typename F, typename Y, typename... X>
__global__ void __launch_bounds__(block_threads)
    apply_kernel(F f, Strided<1 + sizeof...(X)> walk, std::int64_t n, Y* y, const X*... x) {
  apply_all<F, Y, X...>(std::index_sequence_for<X...>{}, f, walk, n, y, x...);
}

template <typename Y, typename... X, typename F, typename... Inputs>
void apply(F f, const Tensor& y, const Inputs&... x) {
  const Strided<1 + sizeof...(X)> walk(y.shape(), {&y, &x...});
  launch(apply_kernel<F, Y, X...>, blocks_for(y.numel()), block_threads, 0, f, walk, y.numel(),
         on_device<Y>(y), on_device<X>(x)...);
}

template <UnaryOp op, typename T>
void apply_unary(const Tensor& y, const Tensor& x, T a, T b) {
  apply<T, T>(Unary<op, T>{a, b}, y, x);
}
template <BinaryOp op, typename T>
void apply_binary(const Tensor& y, const Tensor& a, const Tensor& b) {
  apply<T, T, T>(Binary<op, T>{}, y, a, b);
}
template <CompareOp op, typename T>
void apply_compare(const Tensor& y, const Tensor& a, const Tensor& b) {
  apply<std::uint8_t, T, T>(Compare<op, T>{}, y, a, b);
}

// The kernel of every formula, in the order of the enumeration.
template <typename T, std::size_t... op>
constexpr auto unary_table(std::index_sequence<op...>) {
  return std::array{apply_unary<static_cast<UnaryOp>(op), T>...};
}
template <typename T, std::size_t... op>
constexpr auto binary_table(std::index_sequence<op...>) {
  return std::array{apply_binary<static_cast<BinaryOp>(op), T>...};
}
template <typename T, std::size_t... op>
constexpr auto compare_table(std::index_sequence<op...>) {
  return std::array{apply_compare<static_cast<CompareOp>(op), T>...};
}

}  // namespace

void CudaKernels::unary(UnaryOp op, const Tensor& y, const Tensor& x, double a, double b) const {
  dispatch_real(y.dtype(), [&](auto t) {
    using T = decltype(t);
    static constexpr auto table =
        unary_table<T>(std::make_index_sequence<static_cast<std::size_t>(UnaryOp::count)>());
    table[static_cast<std::size_t>(op)](y, x, static_cast<T>(a), static_cast<T>(b));
  });
}

void CudaKernels::binary(BinaryOp op, const Tensor& y, const Tensor& a, const Tensor& b) const {
  const auto run = [&](auto t) {
    static constexpr auto table =
        binary_table<decltype(t)>(std::make_index_sequence<static_cast<std::size_t>(BinaryOp::count)>());
    table[static_cast<std::size_t>(op)](y, a, b);
  };
  y.dtype() == DType::i64 ? run(std::int64_t{}) : dispatch_real(y.dtype(), run);
}

void CudaKernels::compare(CompareOp op, const Tensor& y, const Tensor& a, const Tensor& b) const {
  dispatch(a.dtype(), [&](auto t) {
    static constexpr auto table =
        compare_table<decltype(t)>(std::make_index_sequence<static_cast<std::size_t>(CompareOp::count)>());
    table[static_cast<std::size_t>(op)](y, a, b);
  });
}

void CudaKernels::where(const Tensor& y, const Tensor& condition, const Tensor& a, const Tensor& b) const {
  dispatch(y.dtype(), [&](auto t) {
    using T = decltype(t);
    apply<T, std::uint8_t, T, T>(Choose<T>{}, y, condition, a, b);
  });
}

void CudaKernels::fill(const Tensor& y, double value) const {
  dispatch(y.dtype(), [&](auto t) {
    using T = decltype(t);
    apply<T>(Constant<T>{static_cast<T>(value)}, y);
  });
}

void CudaKernels::copy(const Tensor& y, const Tensor& x) const {
  dispatch(y.dtype(), [&](auto to) {
    dispatch(x.dtype(), [&](auto from) {
      using To = decltype(to);
      using From = decltype(from);
      apply<To, From>(Convert<To, From>{}, y, x);
    });
  });
}

}  // namespace lockstep::cuda
