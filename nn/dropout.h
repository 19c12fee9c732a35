#pragma once

#include <string>

#include "nn/scope.h"

namespace lockstep::nn {

// In training: each element 0 with probability `rate`, else x / (1 - rate). In evaluation, or with rate 0: x.
// Of x's shape. Throws where neither nn::TrainingMode nor nn::EvaluationMode says which (nn/mode.h).
struct Dropout {
  Dropout(const Scope& scope, double rate_);
  Tensor operator()(const Tensor& x) const;
  // Whether a call now would change its input.
  bool is_active() const;

  double rate;
  std::string path;
};

}  // namespace lockstep::nn
