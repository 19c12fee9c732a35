#pragma once

#include "core/ops.h"
#include "core/random/keyed_stream.h"
#include "nn/scope.h"

namespace lockstep::nn {

inline const ScopeOptions f64{.dtype = DType::f64};

// Standard normal numbers, the same for the same name.
inline Tensor normal(const Dims& shape, const char* name, DType dtype = DType::f64) {
  const Tensor x = empty(shape, {dtype});
  dispatch_real(dtype, [&](auto type) {
    using T = decltype(type);
    KeyedStream(7, "test", name)
        .fill_normal(std::span(x.data<T>(), static_cast<std::size_t>(x.numel())), 0, 1);
  });
  return x;
}

inline double largest(const Tensor& x) { return max(abs(x)).item(); }

}  // namespace lockstep::nn
