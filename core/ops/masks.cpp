#include "core/ops/masks.h"

#include "core/kernels.h"
#include "core/ops/elementwise.h"

namespace lockstep {

Tensor masked_fill(const Tensor& x, const Tensor& mask, double value) {
  check(mask.dtype() == DType::u8 && broadcast_shape(mask.shape(), x.shape(), "masked_fill") == x.shape(),
        "[masked_fill] expected a u8 mask that broadcasts to x, got {} for {}", describe(mask), describe(x));
  return where(mask, full({}, value, x.options()), x);
}

Tensor tril(const Tensor& x, std::int64_t diagonal) {
  check(x.rank() >= 2, "[tril] expected a matrix (..., rows, columns), got {}", describe(x));
  return where(tril_mask(x.size(-2), x.size(-1), diagonal, x.device()), x, zeros({}, x.options()));
}

Tensor triu(const Tensor& x, std::int64_t diagonal) {
  check(x.rank() >= 2, "[triu] expected a matrix (..., rows, columns), got {}", describe(x));
  return where(tril_mask(x.size(-2), x.size(-1), diagonal - 1, x.device()), zeros({}, x.options()), x);
}

Tensor tril_mask(std::int64_t rows, std::int64_t columns, std::int64_t diagonal, Device device) {
  Tensor mask = empty({rows, columns}, {DType::u8, device});
  kernels(mask).tril(mask, diagonal);
  return mask;
}

}  // namespace lockstep
