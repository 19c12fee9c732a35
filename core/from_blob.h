#pragma once

#include <functional>

#include "core/tensor.h"

namespace lockstep {

// A tensor on memory of the caller's own, on the host and in C order, without a copy: what is written to
// either is seen in both. `done` is called once, when the tensor, its views and what saved it for a gradient
// are all gone, on the thread where the last one goes; without it the memory must live longer than they do.
// Whoever writes to the memory between an op and its gradient calls mark_changed(). Throws Error for a
// negative size, for null (unless a size is 0), and for a pointer that is not aligned as the type asks;
// `done` is not called then.
Tensor from_blob(void* data, const Dims& shape, DType dtype, std::function<void()> done = {});
template <typename T>
Tensor from_blob(T* data, const Dims& shape, std::function<void()> done = {}) {
  return from_blob(data, shape, dtype_of<T>(), std::move(done));
}

}  // namespace lockstep
