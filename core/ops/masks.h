#pragma once

#include "core/tensor.h"

// Elements kept or replaced by a condition. Masks are u8.
namespace lockstep {

// value where the mask is not 0, else x; the mask broadcasts to x.
Tensor masked_fill(const Tensor& x, const Tensor& mask, double value);
// x on and below (tril), on and above (triu) the diagonal with this number in the last two dimensions, else
// 0. Number 1 lies one above the main diagonal.
Tensor tril(const Tensor& x, std::int64_t diagonal = 0);
Tensor triu(const Tensor& x, std::int64_t diagonal = 0);

// (rows, columns), u8: 1 on and below the diagonal with this number, 0 above it.
Tensor tril_mask(std::int64_t rows, std::int64_t columns, std::int64_t diagonal = 0,
                 Device device = Device::cpu);

}  // namespace lockstep
