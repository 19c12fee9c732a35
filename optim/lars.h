#pragma once

#include "optim/grouped.h"

namespace lockstep::optim {

struct LARSOptions {
  double lr = 1;
  double momentum = 0;
  double dampening = 0;
  double weight_decay = 0;
  bool nesterov = false;
  double trust_coeff = 0.001;
  double eps = 1e-8;
  bool trust_clip = false;                     // LARC: at most the learning rate itself
  bool always_adapt = false;                   // use the trust ratio even without weight decay
  Granularity scale_by = Granularity::tensor;  // what has a trust ratio of its own
};

void visit(auto& field, LARSOptions& o) {
  field("lr", o.lr), field("momentum", o.momentum), field("dampening", o.dampening);
  field("weight_decay", o.weight_decay), field("nesterov", o.nesterov), field("trust_coeff", o.trust_coeff);
  field("eps", o.eps), field("trust_clip", o.trust_clip), field("always_adapt", o.always_adapt);
  field("scale_by", o.scale_by);
}
void validate(const LARSOptions& o);

// LARS (You et al. 2017, arXiv:1708.03888), as in timm:
//   g = ratio (g + weight_decay p),  ratio = trust_coeff |p| / (|g| + weight_decay |p| + eps)
// followed by SGD's step with momentum. The ratio is 1 where a norm is 0. It is used only where weight_decay
// is not 0, unless always_adapt.
class LARS final : public GroupedOptimizer<LARSOptions> {
 public:
  explicit LARS(const ParameterList& parameters, const LARSOptions& options = {});
  explicit LARS(const Groups& groups);

 private:
  void update(Member& member, const Tensor& gradient, double step) override;
};

}  // namespace lockstep::optim
