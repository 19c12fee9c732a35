#pragma once

#include "optim/registry.h"

namespace lockstep::optim {

// LAMB (You et al. 2020, arXiv:1904.00962), as in timm: with m, v those of Adam,
//   u = m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + eps) + weight_decay p;  p -= lr |p| / |u| u
// The trust ratio |p| / |u| is 1 where a norm is 0. It is used only where weight_decay is not 0, unless
// always_adapt.
struct LAMBOptions {
  double lr = 1e-3;
  bool bias_correction = true;
  std::array<double, 2> betas = {0.9, 0.999};
  double eps = 1e-6;
  double weight_decay = 0.01;
  bool grad_averaging = true;  // m = b1 m + (1 - b1) g; else b1 m + g
  // Clips the joint norm of all gradients; that of the first group counts.
  std::optional<double> max_grad_norm = 1.0;
  bool trust_clip = false;              // a trust ratio of at most 1
  bool always_adapt = false;            // use the trust ratio even without weight decay
  bool caution = false;                 // only where step and gradient agree in sign (arXiv:2411.16085)
  bool decoupled_decay = false;         // decay the parameter itself
  bool corrected_weight_decay = false;  // by lr^2 / (lr at the start) instead of lr
  // What has a trust ratio of its own: the update's direction is elementwise, its size is the rule's by this.
  Granularity scale_by = Granularity::tensor;
  // The same of vectors. By part, no norm has another's key bias in it, whose gradient is rounding noise.
  Granularity vectors_by = Granularity::tensor;

  static constexpr const char* name = "LAMB";
  void visit(auto& field) {
    visit_common(*this, field), field("bias_correction", bias_correction);
    field("grad_averaging", grad_averaging), field("max_grad_norm", max_grad_norm);
    field("trust_clip", trust_clip), field("always_adapt", always_adapt), field("caution", caution);
    field("decoupled_decay", decoupled_decay), field("corrected_weight_decay", corrected_weight_decay);
  }
  void add_slots(Member& member) const { member.add_slot("exp_avg"), member.add_slot("exp_avg_sq"); }
  Tensor gradient_scale(const std::vector<Tensor>& gradients) const;
  void update(const Step& step) const;
};

using LAMB = Rule<LAMBOptions>;
inline const Registered<LAMB> registered_lamb;

}  // namespace lockstep::optim
