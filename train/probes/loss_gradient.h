#pragma once

#include <cstdint>
#include <vector>

#include "train/training/training.h"

namespace lockstep::train {

// A batch's loss as a function of the trained weights where they stand, without dropout. Leaves their grad()
// as it is.
class LossGradient {
 public:
  // Of the training batch of that step; or, with `rows`, of the `part`-th so many inputs of it.
  LossGradient(const Training& training, std::int64_t step, std::int64_t rows = 0, std::int64_t part = 0);

  const std::vector<Tensor>& weights() const { return weights_; }
  // dL/dw, one for each of the weights.
  const std::vector<Tensor>& gradient() const { return gradient_; }
  // H v = d (dL/dw . v) / dw
  std::vector<Tensor> hessian_times(const std::vector<Tensor>& v) const;

 private:
  std::vector<Tensor> weights_, gradient_;
};

double dot(const std::vector<Tensor>& a, const std::vector<Tensor>& b);

}  // namespace lockstep::train
