#include "core/tensor.h"

#include "core/kernels.h"

namespace lockstep {

namespace {

bool is_contiguous(const Dims& shape, const Dims& strides) {
  std::int64_t step = 1;
  for (int i = shape.rank() - 1; i >= 0; --i) {
    if (shape[i] != 1 && strides[i] != step) return false;
    step *= shape[i];
  }
  return true;
}

Tensor contiguous_copy(const Tensor& x) {
  Tensor y = empty(x.shape(), x.options());
  kernels(y).copy(y, x);
  return y;
}

}  // namespace

void Tensor::undefined() { fail("an undefined tensor was used: give it a value first"); }

void Tensor::wrong_type(DType asked) const {
  fail("a tensor of {} was read as {}: convert it with to()", name_of(dtype()), name_of(asked));
}

void Tensor::not_on_host() const {
  fail("the memory of {} was asked for on the host: copy it with to(x, Device::cpu), item() or to_vector()",
       describe(*this));
}

std::int64_t Tensor::size(int dim) const { return shape()[normalize_dim(dim, rank(), "size")]; }

double Tensor::item() const {
  check(numel() == 1, "[item] expected one element, got {}: reduce it first, with sum() or mean()",
        describe(*this));
  const Tensor x = moved(*this, Device::cpu);
  return dispatch(dtype(), [&](auto t) { return static_cast<double>(*x.data<decltype(t)>()); });
}

std::vector<double> Tensor::to_vector() const {
  Tensor flat = moved(*this, Device::cpu);
  if (!flat.is_contiguous()) flat = contiguous_copy(flat);
  return dispatch(dtype(), [&](auto t) {
    const auto* first = flat.data<decltype(t)>();
    return std::vector<double>(first, first + flat.numel());
  });
}

std::vector<std::vector<double>> to_vectors(std::span<const Tensor> tensors) {
  std::vector<Tensor> here, there;
  std::vector<HostCopy> copies;
  for (const Tensor& x : tensors) {
    if (x.device() == Device::cpu) {
      here.push_back(x);
      continue;
    }
    there.push_back(x.is_contiguous() ? x : contiguous_copy(x));
    here.push_back(empty(x.shape(), {x.dtype(), Device::cpu}));
    copies.push_back({here.back().address(), there.back().address(),
                      static_cast<std::size_t>(x.numel()) * size_of(x.dtype())});
  }
  if (!copies.empty()) backend(there.front().device()).copy_to_host(copies);
  std::vector<std::vector<double>> all;
  for (const Tensor& x : here) all.push_back(x.to_vector());
  return all;
}

Tensor& Tensor::set_requires_grad(bool requires_grad) {
  check(is_leaf(),
        "[set_requires_grad] only a leaf can be made to require a gradient; this tensor was computed: "
        "detach() it");
  check(!requires_grad || is_real(dtype()), "[set_requires_grad] only f32 and f64 have gradients, got {}",
        describe(*this));
  impl_->requires_grad = requires_grad;
  return *this;
}

Tensor Tensor::grad() const { return impl().grad_is_set ? *impl().grad : Tensor(); }

void Tensor::set_grad(const Tensor& grad) {
  check(grad.shape() == shape() && grad.options() == options(), "[set_grad] the gradient of {} cannot be {}",
        describe(*this), describe(grad));
  impl_->grad = std::make_unique<Tensor>(grad);
  impl_->grad_is_set = true;
}

void Tensor::zero_grad() {
  static_cast<void>(impl());  // throws when undefined
  impl_->grad_is_set = false;
  // On a GPU it goes back to the cache, so that the next backward pass finds the same addresses (Replay).
  if (device() != Device::cpu) impl_->grad.reset();
}

Tensor Tensor::detach() const { return view(shape(), strides(), impl().offset); }

Tensor Tensor::view(const Dims& shape, const Dims& strides, std::int64_t offset) const {
  auto impl = std::make_shared<Impl>();
  impl->storage = this->impl().storage;
  impl->shape = shape;
  impl->strides = strides;
  impl->offset = offset;
  impl->dtype = dtype();
  impl->contiguous = lockstep::is_contiguous(shape, strides);
  return Tensor(std::move(impl));
}

Tensor empty(const Dims& shape, TensorOptions options) {
  shape.check_sizes("empty");
  const auto numel = static_cast<std::size_t>(shape.numel());
  check(numel <= PTRDIFF_MAX / size_of(options.dtype), "[empty] {} {} is larger than any memory",
        name_of(options.dtype), to_string(shape));
  auto impl = std::make_shared<Tensor::Impl>();
  impl->storage = std::make_shared<Storage>(numel * size_of(options.dtype), options.device);
  impl->shape = shape;
  impl->strides = contiguous_strides(shape);
  impl->dtype = options.dtype;
  return Tensor(std::move(impl));
}

Tensor empty_like(const Tensor& x) { return empty(x.shape(), x.options()); }

Tensor full(const Dims& shape, double value, TensorOptions options) {
  Tensor y = empty(shape, options);
  kernels(y).fill(y, value);
  return y;
}

Tensor zeros(const Dims& shape, TensorOptions options) { return full(shape, 0, options); }
Tensor ones(const Dims& shape, TensorOptions options) { return full(shape, 1, options); }
Tensor zeros_like(const Tensor& x) { return zeros(x.shape(), x.options()); }

Tensor arange(std::int64_t n, TensorOptions options) {
  Tensor y = empty({n}, options);
  kernels(y).arange(y);
  return y;
}

Tensor moved(const Tensor& x, Device device) {
  if (!x.defined() || x.device() == device) return x;
  const Tensor from = x.is_contiguous() ? x : contiguous_copy(x);
  Tensor y = empty(x.shape(), {x.dtype(), device});
  const std::size_t bytes = static_cast<std::size_t>(x.numel()) * size_of(x.dtype());
  if (device == Device::cpu) {
    const HostCopy copy{y.address(), from.address(), bytes};
    backend(x.device()).copy_to_host({&copy, 1});
  } else {
    backend(device).copy_to_device(y.address(), from.address(), bytes);
  }
  return y;
}

std::string describe(const Tensor& x) {
  if (!x.defined()) return "an undefined tensor";
  const std::string text = fmt::format("{} {}", name_of(x.dtype()), to_string(x.shape()));
  return x.device() == Device::cpu ? text : fmt::format("{} on {}", text, name_of(x.device()));
}

}  // namespace lockstep
