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
    visit_common(*this, field), field("dampening", dampening), field("trust_coeff", trust_coeff);
    field("trust_clip", trust_clip), field("always_adapt", always_adapt);
  }
  void validate_first() const { check_nesterov(name, *this); }
  void add_slots(Member&) const {}
  void update(const Step& step) const;
};

using LARS = Rule<LARSOptions>;
inline const Registered<LARS> registered_lars;

}  // namespace lockstep::optim
