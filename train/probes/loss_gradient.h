#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "train/training/training.h"

namespace lockstep::train {

// A loss as a function of weights, where they stand. Leaves their grad() as it is.
class LossGradient {
 public:
  LossGradient(std::vector<Tensor> weights, const std::function<Tensor()>& loss);
  // Of a training's weights, without dropout, and the batch of that step; or, with `rows`, of the `part`-th
  // so many inputs of it.
  LossGradient(const Training& training, std::int64_t step, std::int64_t rows = 0, std::int64_t part = 0);

  const std::vector<Tensor>& weights() const { return weights_; }
  // dL/dw, one for each of the weights.
  const std::vector<Tensor>& gradient() const { return gradient_; }
  // H v = d (dL/dw . v) / dw
  std::vector<Tensor> hessian_times(const std::vector<Tensor>& v) const;

 private:
  std::vector<Tensor> weights_, gradient_;
};

// The eigenvalue of the Hessian that is largest in size, after so many power iterations v <- H v / |H v|;
// with `scales`, one for each of the weights and of its shape, that of D H D, D = diag(scales).
double largest_eigenvalue(const LossGradient& at, const std::vector<Tensor>& scales = {},
                          int iterations = 40);

double dot(const std::vector<Tensor>& a, const std::vector<Tensor>& b);

}  // namespace lockstep::train
