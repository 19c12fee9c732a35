#include "core/ops/order.h"

#include "core/kernels.h"
#include "core/ops/embedding.h"
#include "core/ops/views.h"

namespace lockstep {

namespace {

// With dim kept, of size 1.
Tensor arg_extreme(const char* name, const Tensor& x, int dim, bool largest) {
  dim = normalize_dim(dim, x.rank(), name);
  Dims shape = x.shape();
  shape[dim] = 1;
  check(x.size(dim) > 0 || shape.numel() == 0,
        "[{}] expected at least one element along dimension {}, got {}", name, dim, describe(x));
  const Tensor y = empty(shape, {DType::i64, x.device()});
  kernels(x).arg_extreme(y, x, dim, largest);
  return y;
}

Tensor arg_extreme(const char* name, const Tensor& x, std::optional<int> dim, bool keepdim, bool largest) {
  if (!dim) return reshape(arg_extreme(name, flatten(x.detach()), 0, largest), {});
  const Tensor y = arg_extreme(name, x, *dim, largest);
  return keepdim ? y : squeeze(y, *dim);
}

Ordered extreme(const char* name, const Tensor& x, int dim, bool keepdim, bool largest) {
  const Tensor at = arg_extreme(name, x, dim, largest), values = gather(x, at, dim);
  if (keepdim) return {values, at};
  return {squeeze(values, dim), squeeze(at, dim)};
}

}  // namespace

Tensor argmax(const Tensor& x, std::optional<int> dim, bool keepdim) {
  return arg_extreme("argmax", x, dim, keepdim, true);
}
Tensor argmin(const Tensor& x, std::optional<int> dim, bool keepdim) {
  return arg_extreme("argmin", x, dim, keepdim, false);
}

Ordered max_with_indices(const Tensor& x, int dim, bool keepdim) {
  return extreme("max_with_indices", x, dim, keepdim, true);
}
Ordered min_with_indices(const Tensor& x, int dim, bool keepdim) {
  return extreme("min_with_indices", x, dim, keepdim, false);
}

Tensor argsort(const Tensor& x, int dim, bool descending) {
  dim = normalize_dim(dim, x.rank(), "argsort");
  const Tensor y = empty(x.shape(), {DType::i64, x.device()});
  kernels(x).argsort(y, x, dim, descending);
  return y;
}

Ordered sort(const Tensor& x, int dim, bool descending) {
  const Tensor at = argsort(x, dim, descending);
  return {gather(x, at, dim), at};
}

Ordered topk(const Tensor& x, std::int64_t k, int dim, bool largest) {
  dim = normalize_dim(dim, x.rank(), "topk");
  check(k >= 0 && k <= x.size(dim), "[topk] expected k in 0 ... {}, the size of dimension {} of {}, got {}",
        x.size(dim), dim, describe(x), k);
  const Tensor at = contiguous(slice(argsort(x, dim, largest), dim, 0, k));
  return {gather(x, at, dim), at};
}

}  // namespace lockstep
