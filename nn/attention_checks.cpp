#include "nn/attention_checks.h"

#include "core/ops/masks.h"

namespace lockstep::nn {

Tensor causal_mask(std::int64_t length, TensorOptions options) {
  return tril(ones({1, 1, length, length}, options));
}

}  // namespace lockstep::nn
