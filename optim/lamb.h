#pragma once

#include <array>
#include <optional>

#include "optim/grouped.h"

namespace lockstep::optim {

struct LAMBOptions {
  double lr = 1e-3;
  bool bias_correction = true;
  std::array<double, 2> betas = {0.9, 0.999};
  double eps = 1e-6;
  double weight_decay = 0.01;
  bool grad_averaging = true;  // m = b1 m + (1 - b1) g; else b1 m + g
  std::optional<double> max_grad_norm =
      1.0;                       // clips the joint norm of all gradients; that of the first group counts
  bool trust_clip = false;       // a trust ratio of at most 1
  bool always_adapt = false;     // use the trust ratio even without weight decay
  bool caution = false;          // only where step and gradient agree in sign (arXiv:2411.16085)
  bool decoupled_decay = false;  // decay the parameter itself
  bool corrected_weight_decay = false;         // by lr^2 / (lr at the start) in place of lr
  Granularity scale_by = Granularity::tensor;  // what has a trust ratio of its own
};

void visit(auto& field, LAMBOptions& o) {
  field("lr", o.lr), field("bias_correction", o.bias_correction), field("betas", o.betas),
      field("eps", o.eps);
  field("weight_decay", o.weight_decay), field("grad_averaging", o.grad_averaging);
  field("max_grad_norm", o.max_grad_norm), field("trust_clip", o.trust_clip);
  field("always_adapt", o.always_adapt), field("caution", o.caution);
  field("decoupled_decay", o.decoupled_decay), field("corrected_weight_decay", o.corrected_weight_decay);
  field("scale_by", o.scale_by);
}
void validate(const LAMBOptions& o);

// LAMB (You et al. 2020, arXiv:1904.00962), as in timm: with m, v those of Adam,
//   u = m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + eps) + weight_decay p;  p -= lr |p| / |u| u
// The trust ratio |p| / |u| is 1 where a norm is 0. It is used only where weight_decay is not 0, unless
// always_adapt.
class LAMB final : public GroupedOptimizer<LAMBOptions> {
 public:
  explicit LAMB(const ParameterList& parameters, const LAMBOptions& options = {});
  explicit LAMB(const Groups& groups);

 private:
  void prepare() override;
  void update(Member& member, const Tensor& gradient, double step) override;

  double gradient_scale_ = 1;
  double first_lr_;
};

}  // namespace lockstep::optim
