// Elementwise kernels: a thread an element, or a pack of them. Bound by memory bandwidth, so a kernel has all
// formulas of a family and takes its one at run time: six branches at most that all threads go alike.
#include "core/cuda/cuda_kernels.h"
#include "core/cuda/pack.h"

namespace lockstep::cuda {

namespace {

// Calls f with `op` as a constant; it is one of `count` from `first` on.
template <std::size_t first, std::size_t count, typename Op, typename F>
__device__ void with_constant(Op op, const F& f) {
  if constexpr (count == 1) {
    f(std::integral_constant<Op, static_cast<Op>(first)>{});
  } else if (static_cast<std::size_t>(op) < first + count / 2) {
    with_constant<first, count / 2>(op, f);
  } else {
    with_constant<first + count / 2, count - count / 2>(op, f);
  }
}
template <typename Op, typename F>
__device__ void with_constant(Op op, const F& f) {
  with_constant<0, static_cast<std::size_t>(Op::count)>(op, f);
}

// What the kernels compute, for `size` elements at once.
template <typename T>
struct Unary {
  UnaryOp op;
  T a, b;
  auto fields() const { return std::tie(op, a, b); }
  template <int size>
  __device__ void operator()(T (&y)[size], const T (&x)[size]) const {
    with_constant(op, [&](auto constant) {
      for (int i = 0; i < size; ++i) y[i] = formula<constant()>(x[i], a, b);
    });
  }
};
template <typename T>
struct Binary {
  BinaryOp op;
  auto fields() const { return std::tie(op); }
  template <int size>
  __device__ void operator()(T (&y)[size], const T (&a)[size], const T (&b)[size]) const {
    with_constant(op, [&](auto constant) {
      for (int i = 0; i < size; ++i) y[i] = formula<constant()>(a[i], b[i]);
    });
  }
};
template <typename T>
struct Compare {
  CompareOp op;
  auto fields() const { return std::tie(op); }
  template <int size>
  __device__ void operator()(std::uint8_t (&y)[size], const T (&a)[size], const T (&b)[size]) const {
    with_constant(op, [&](auto constant) {
      for (int i = 0; i < size; ++i) y[i] = formula<constant()>(a[i], b[i]) ? 1 : 0;
    });
  }
};
template <typename T>
struct Choose {
  template <int size>
  __device__ void operator()(T (&y)[size], const std::uint8_t (&condition)[size], const T (&a)[size],
                             const T (&b)[size]) const {
    for (int i = 0; i < size; ++i) y[i] = condition[i] != 0 ? a[i] : b[i];
  }
};
template <typename To, typename From>
struct Convert {
  template <int size>
  __device__ void operator()(To (&y)[size], const From (&x)[size]) const {
    for (int i = 0; i < size; ++i) y[i] = static_cast<To>(x[i]);
  }
};
template <typename T>
struct Constant {
  T value;
  auto fields() const { return std::tie(value); }
  template <int size>
  __device__ void operator()(T (&y)[size]) const {
    for (T& element : y) element = value;
  }
};

// y = f(x...) for the elements of the walk from number i on.
template <int size, typename F, typename Y, typename... X, std::size_t... input>
__device__ void apply_at(std::index_sequence<input...>, const F& f, const Strided<1 + sizeof...(X)>& walk,
                         std::int64_t i, Y* y, const X*... x) {
  const auto at = offsets(walk, i);
  const auto& step = walk.strides[static_cast<std::size_t>(walk.rank) - 1];
  Pack<Y, size> pack;
  f(pack.values, pack_or_copies<size>(x + at[1 + input], step[1 + input]).values...);
  store(y + at[0], pack);
}
template <typename F, typename Y, typename... X>
__global__ void __launch_bounds__(block_threads)
    apply_kernel(F f, Strided<1 + sizeof...(X)> walk, std::int64_t n, bool by_packs, Y* y, const X*... x) {
  constexpr std::index_sequence_for<X...> inputs;
  constexpr int size = common_pack<Y, X...>;
  if constexpr (size > 1) {
    if (by_packs) {
      for (std::int64_t i = first_element(); i < n / size; i += all_threads())
        apply_at<size, F, Y, X...>(inputs, f, walk, size * i, y, x...);
      return;
    }
  }
  for (std::int64_t i = first_element(); i < n; i += all_threads())
    apply_at<1, F, Y, X...>(inputs, f, walk, i, y, x...);
}

template <typename Y, typename... X, typename F, typename... Inputs>
void apply(F f, const Tensor& y, const Inputs&... x) {
  constexpr int size = common_pack<Y, X...>;
  const Strided<1 + sizeof...(X)> walk(y.shape(), {&y, &x...});
  const bool by_packs = size > 1 && goes_by_packs<size, Y, X...>(walk, on_device<Y>(y), on_device<X>(x)...);
  launch(apply_kernel<F, Y, X...>, blocks_for(by_packs ? y.numel() / size : y.numel()), block_threads, 0, f,
         walk, y.numel(), by_packs, on_device<Y>(y), on_device<X>(x)...);
}

}  // namespace

void CudaKernels::unary(UnaryOp op, const Tensor& y, const Tensor& x, double a, double b) const {
  dispatch_real(y.dtype(), [&](auto t) {
    using T = decltype(t);
    apply<T, T>(Unary<T>{op, static_cast<T>(a), static_cast<T>(b)}, y, x);
  });
}

void CudaKernels::binary(BinaryOp op, const Tensor& y, const Tensor& a, const Tensor& b) const {
  const auto run = [&](auto t) {
    using T = decltype(t);
    apply<T, T, T>(Binary<T>{op}, y, a, b);
  };
  y.dtype() == DType::i64 ? run(std::int64_t{}) : dispatch_real(y.dtype(), run);
}

void CudaKernels::compare(CompareOp op, const Tensor& y, const Tensor& a, const Tensor& b) const {
  dispatch(a.dtype(), [&](auto t) {
    using T = decltype(t);
    apply<std::uint8_t, T, T>(Compare<T>{op}, y, a, b);
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
