#pragma once

#include "optim/elementwise.h"

namespace lockstep::optim {

// LARS (You et al. 2017, arXiv:1708.03888), as in timm:
//   g = ratio (g + weight_decay p),  ratio = trust_coeff |p| / (|g| + weight_decay |p| + eps)
// followed by SGD's step with momentum. The ratio is 1 where a norm is 0. It is used only where weight_decay
// is not 0, unless always_adapt.
struct LARSOptions {
  double lr = 1;
  double momentum = 0;
  double dampening = 0;
  double weight_decay = 0;
  bool nesterov = false;
  double trust_coeff = 0.001;
  double eps = 1e-8;
  bool trust_clip = false;    // LARC: at most the learning rate itself
  bool always_adapt = false;  // use the trust ratio even without weight decay
  // What has a trust ratio of its own: the update's direction is elementwise, its size is the rule's by this.
  Granularity scale_by = Granularity::tensor;
  // The same of vectors. By part, no norm has another's key bias in it, whose gradient is rounding noise.
  Granularity vectors_by = Granularity::tensor;

  static constexpr const char* name = "LARS";
  void visit(auto& field) {
    field("lr", lr, at_least(0)), field("momentum", momentum, at_least(0)), field("dampening", dampening);
    field("weight_decay", weight_decay, at_least(0)), field("nesterov", nesterov);
    field("trust_coeff", trust_coeff), field("eps", eps), field("trust_clip", trust_clip);
    field("always_adapt", always_adapt), field("scale_by", scale_by), field("vectors_by", vectors_by);
  }
  void validate_first() const { check_nesterov(name, *this); }
  void add_slots(Member&) const {}
};

class LARS final : public GroupedOptimizer<LARSOptions> {
 public:
  using GroupedOptimizer::GroupedOptimizer;

 private:
  void update(const LARSOptions& options, const std::vector<Due>& due, const Tensor& only_if_finite) override;
};

inline const Registered<LARS> registered_lars;

}  // namespace lockstep::optim
