#pragma once

#include "optim/elementwise.h"

namespace lockstep::optim {

// Adam (Kingma and Ba 2015, arXiv:1412.6980):
//   m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2
//   p -= lr m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + eps)
struct AdamOptions {
  double lr = 1e-3;
  std::array<double, 2> betas = {0.9, 0.999};
  double eps = 1e-8;
  double weight_decay = 0;  // through the gradient, g + weight_decay p, unless decoupled
  bool amsgrad = false;  // divide by the largest second moment so far (Reddi et al. 2018, arXiv:1904.09237)
  bool maximize = false;
  bool decoupled_weight_decay = false;  // AdamW

  static constexpr const char* name = "Adam";
  void visit(auto& field) { visit_common(*this, field), field("amsgrad", amsgrad); }
  void add_slots(Member& member) const {
    member.add_slot("exp_avg"), member.add_slot("exp_avg_sq");
    if (amsgrad) member.add_slot("max_exp_avg_sq");
  }
  UpdateRule rule(const Member&, double step) const {
    const rules::Adam<double> adam{.moments = moments_of(*this),
                                   .keep = kept(*this),
                                   .size = lr / (1 - std::pow(betas[0], step)),
                                   .root = 1 / std::sqrt(1 - std::pow(betas[1], step)),
                                   .eps = eps};
    return amsgrad ? UpdateRule(rules::Amsgrad<double>{adam}) : adam;
  }
};

using Adam = Rule<AdamOptions>;
inline const Registered<Adam> registered_adam;

}  // namespace lockstep::optim
