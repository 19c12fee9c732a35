#pragma once

#include "optim/grouped.h"
#include "optim/newton_schulz.h"

namespace lockstep::optim {

// How the learning rate follows the shape (rows, columns) of what is orthogonalised.
enum class MuonScale {
  original,         // sqrt(max(1, rows / columns)), Keller Jordan
  match_rms_adamw,  // 0.2 sqrt(max(rows, columns)), as large as AdamW's (Moonshot AI 2025, arXiv:2502.16982)
  spectral_unclamped,  // sqrt(rows / columns) (Bernstein, jeremybernste.in/writing/deriving-muon)
};

// The names are those above. Throws for another.
MuonScale muon_scale_from(const std::string& name);
std::string to_string(MuonScale scale);

struct MuonOptions {
  double lr = 1e-3;
  double weight_decay = 0.1;
  double momentum = 0.95;
  bool nesterov = true;
  std::array<double, 3> ns_coefficients = NewtonSchulz{}.coefficients;
  double eps = NewtonSchulz{}.eps;
  int ns_steps = NewtonSchulz{}.steps;
  bool ns_bfloat16 = false;  // iterate in bfloat16, as PyTorch does; else in the parameter's precision
  MuonScale adjust_lr_fn = MuonScale::original;
  Granularity direction_by = Granularity::tensor;  // what is orthogonalised as one
  Granularity scale_by = Granularity::tensor;      // whose shape adjusts the learning rate
};

void visit(auto& field, MuonOptions& o) {
  field("lr", o.lr), field("weight_decay", o.weight_decay), field("momentum", o.momentum);
  field("nesterov", o.nesterov), field("ns_coefficients", o.ns_coefficients), field("eps", o.eps);
  field("ns_steps", o.ns_steps), field("ns_bfloat16", o.ns_bfloat16), field("adjust_lr_fn", o.adjust_lr_fn);
  field("direction_by", o.direction_by), field("scale_by", o.scale_by);
}
void validate(const MuonOptions& o);

// Muon (Keller Jordan 2024, kellerjordan.github.io/posts/muon), for matrices only, as torch.optim.Muon:
//   b += (1 - momentum) (g - b);  u = g + momentum (b - g) with nesterov, else b
//   p = (1 - lr weight_decay) p - lr adjust(shape) orthogonalize(u)
// By whole tensors, a combined (3d, d) projection is orthogonalised as one and scaled by sqrt(3);
// direction_by and scale_by take the two effects apart.
class Muon final : public GroupedOptimizer<MuonOptions> {
 public:
  explicit Muon(const ParameterList& parameters, const MuonOptions& options = {});
  explicit Muon(const Groups& groups);

 private:
  void update(Member& member, const Tensor& gradient, double step) override;
};

}  // namespace lockstep::optim
