#pragma once

#include <array>

#include "optim/grouped.h"

namespace lockstep::optim {

struct AdamOptions {
  double lr = 1e-3;
  std::array<double, 2> betas = {0.9, 0.999};
  double eps = 1e-8;
  double weight_decay = 0;  // through the gradient, g + weight_decay p, unless decoupled
  bool amsgrad = false;  // divide by the largest second moment so far (Reddi et al. 2018, arXiv:1904.09237)
  bool maximize = false;
  bool decoupled_weight_decay = false;  // AdamW
};

void visit(auto& field, AdamOptions& o) {
  field("lr", o.lr), field("betas", o.betas), field("eps", o.eps), field("weight_decay", o.weight_decay);
  field("amsgrad", o.amsgrad), field("maximize", o.maximize);
  field("decoupled_weight_decay", o.decoupled_weight_decay);
}
void validate(const AdamOptions& o);

// Adam (Kingma and Ba 2015, arXiv:1412.6980):
//   m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2
//   p -= lr m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + eps)
class Adam : public GroupedOptimizer<AdamOptions> {
 public:
  explicit Adam(const ParameterList& parameters, const AdamOptions& options = {});
  explicit Adam(const Groups& groups);

 private:
  void update(Member& member, const Tensor& gradient, double step) override;
};

}  // namespace lockstep::optim
