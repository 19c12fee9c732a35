#pragma once

#include "optim/adam.h"

namespace lockstep::optim {

struct AdamWOptions {
  double lr = 1e-3;
  std::array<double, 2> betas = {0.9, 0.999};
  double eps = 1e-8;
  double weight_decay = 1e-2;
  bool amsgrad = false;
  bool maximize = false;
};

void visit(auto& field, AdamWOptions& o) {
  field("lr", o.lr), field("betas", o.betas), field("eps", o.eps), field("weight_decay", o.weight_decay);
  field("amsgrad", o.amsgrad), field("maximize", o.maximize);
}

// AdamW (Loshchilov and Hutter 2019, arXiv:1711.05101): p *= 1 - lr weight_decay, then Adam's step.
class AdamW final : public Adam {
 public:
  using Options = AdamWOptions;
  using Groups = std::vector<Group<AdamWOptions>>;
  explicit AdamW(const ParameterList& parameters, const AdamWOptions& options = {});
  explicit AdamW(const Groups& groups);
};

}  // namespace lockstep::optim
