#pragma once

#include <initializer_list>
#include <iterator>
#include <memory>
#include <span>
#include <vector>

#include "core/dims.h"
#include "core/dtype.h"
#include "core/runtime/device.h"
#include "core/runtime/memory.h"

namespace lockstep {

namespace tape {
class Node;  // core/autograd.h
}

// What a new tensor is of and where: element type and device.
struct TensorOptions {
  DType dtype = DType::f32;
  Device device = Device::cpu;
  friend bool operator==(const TensorOptions&, const TensorOptions&) = default;
};

// The memory that tensors share. Every change in place counts the version up, so that a tensor that was saved
// for a gradient and changed afterwards is noticed.
struct Storage {
  Storage(std::size_t bytes, Device the_device) : buffer(bytes, the_device), device(the_device) {}
  Buffer buffer;
  Device device;
  std::uint32_t version = 0;
};

// A cheap handle to a strided n-dimensional array: copies share the array and its gradient. Views
// (core/ops/views.h) share the memory. A default-constructed Tensor is undefined and stands for "none" (an
// optional bias, say); of it, only defined(), requires_grad() and handle() may be asked: all else throws
// Error.
class Tensor {
 public:
  Tensor() = default;

  bool defined() const { return impl_ != nullptr; }
  const Dims& shape() const { return impl().shape; }
  const Dims& strides() const { return impl().strides; }  // in elements
  int rank() const { return impl().shape.rank(); }
  std::int64_t size(int dim) const;  // negative dims count from the end; throws for one out of range
  std::int64_t numel() const { return impl().shape.numel(); }
  DType dtype() const { return impl().dtype; }
  Device device() const { return impl().storage->device; }
  TensorOptions options() const { return {dtype(), device()}; }
  bool is_contiguous() const { return impl().contiguous; }
  std::int64_t offset() const { return impl().offset; }  // of the first element in its storage, in elements

  // The first element, in host memory. Throws on another device, and unless T is the element type.
  template <typename T>
  T* data() const {
    if (dtype_of<T>() != dtype()) wrong_type(dtype_of<T>());
    if (device() != Device::cpu) not_on_host();
    return static_cast<T*>(impl().storage->buffer.data()) + impl().offset;
  }
  void* raw_data() const {
    if (device() != Device::cpu) not_on_host();
    return address();
  }
  // The first element in its device's memory: for that device's kernels alone.
  void* address() const {
    return static_cast<char*>(impl().storage->buffer.data()) +
           impl().offset * static_cast<std::int64_t>(size_of(dtype()));
  }

  // The part at this index of the first dimension, without that dimension: select(x, 0, index).
  Tensor operator[](std::int64_t index) const;

  // The only element as a double, wherever it is. Throws for more than one.
  double item() const;
  // All elements in C order, wherever they are; i64 beyond 2^53 is rounded.
  std::vector<double> to_vector() const;

  // Marks a leaf whose gradient backward() should compute. Returns the tensor itself. Throws for a tensor
  // that an op computed, and for one that is not f32 or f64.
  Tensor& set_requires_grad(bool requires_grad = true);
  bool requires_grad() const { return defined() && (impl_->requires_grad || impl_->node != nullptr); }
  bool is_leaf() const { return impl().node == nullptr; }
  // What backward() accumulated into this leaf; undefined before.
  Tensor grad() const;
  void set_grad(const Tensor& grad);  // throws unless it has this tensor's shape, type and device
  // Drops the gradient. On the CPU its memory is kept for the next backward pass.
  void zero_grad();
  // The same memory without history.
  Tensor detach() const;

  std::uint32_t version() const { return impl().storage->version; }
  // To be called by everything that writes into a tensor that others may have saved.
  void mark_changed() const { ++impl().storage->version; }

  struct Impl {
    std::shared_ptr<Storage> storage;
    Dims shape, strides;
    std::int64_t offset = 0;
    DType dtype = DType::f32;
    bool contiguous = true;
    bool requires_grad = false;
    bool grad_is_set = false;          // false: grad, if any, is only memory to be reused
    std::shared_ptr<tape::Node> node;  // what computed this tensor; null for leaves
    std::unique_ptr<Tensor> grad;
  };
  // For the engine and for views; a user needs none of these.
  explicit Tensor(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
  const std::shared_ptr<Impl>& handle() const { return impl_; }
  Tensor view(const Dims& shape, const Dims& strides, std::int64_t offset) const;  // no history
  bool is_same(const Tensor& other) const { return impl_ == other.impl_; }

 private:
  const Impl& impl() const {
    if (!impl_) undefined();
    return *impl_;
  }
  [[noreturn]] static void undefined();
  [[noreturn]] void wrong_type(DType asked) const;
  [[noreturn]] void not_on_host() const;

  std::shared_ptr<Impl> impl_;
};

// As to_vector() of each; of those that are not on the CPU after one wait for their device.
std::vector<std::vector<double>> to_vectors(std::span<const Tensor> tensors);

// New tensors, contiguous, leaves without history. All throw Error for a negative size, for more bytes than
// the device has, and where there is no such device.

// Uninitialised memory.
Tensor empty(const Dims& shape, TensorOptions options = {});
Tensor empty_like(const Tensor& x);

// `value` is converted to the element type.
Tensor full(const Dims& shape, double value, TensorOptions options = {});
Tensor zeros(const Dims& shape, TensorOptions options = {});
Tensor ones(const Dims& shape, TensorOptions options = {});
Tensor zeros_like(const Tensor& x);
Tensor arange(std::int64_t n, TensorOptions options = {DType::i64});  // 0 ... n - 1, (n)

// x's values on `device`, contiguous and without history; x itself if they are there. (to() in
// core/ops/views.h can be differentiated.)
Tensor moved(const Tensor& x, Device device);

// Copies of the given values in C order: f32, f64, i64 or u8 as they are, int as i64, bool as u8. Throws
// unless there are as many as the shape has elements.
template <typename Iterator>
Tensor from_values(const Dims& shape, Iterator first, Iterator last, Device device = Device::cpu) {
  using T = std::iter_value_t<Iterator>;
  using Stored = std::conditional_t<std::is_same_v<T, int>, std::int64_t,
                                    std::conditional_t<std::is_same_v<T, bool>, std::uint8_t, T>>;
  check(std::distance(first, last) == shape.numel(), "[from_values] shape {} needs {} values, got {}",
        to_string(shape), shape.numel(), std::distance(first, last));
  Tensor x = empty(shape, {dtype_of<Stored>()});
  std::copy(first, last, x.data<Stored>());
  return moved(x, device);
}
template <typename T>
Tensor from_values(const Dims& shape, const std::vector<T>& values, Device device = Device::cpu) {
  return from_values(shape, values.begin(), values.end(), device);
}
template <typename T>
Tensor from_values(const Dims& shape, std::initializer_list<T> values, Device device = Device::cpu) {
  return from_values(shape, values.begin(), values.end(), device);
}

// "f32 (2, 3)", with "on cuda" where that is so, for error messages.
std::string describe(const Tensor& x);

}  // namespace lockstep
