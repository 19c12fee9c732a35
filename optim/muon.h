#pragma once

#include "optim/newton_schulz.h"
#include "optim/registry.h"

namespace lockstep::optim {

// How the learning rate follows the shape (rows, columns) of what is orthogonalised.
enum class MuonScale {
  original,         // sqrt(max(1, rows / columns)), Keller Jordan
  match_rms_adamw,  // 0.2 sqrt(max(rows, columns)), as large as AdamW's (Moonshot AI 2025, arXiv:2502.16982)
  spectral_unclamped,  // sqrt(rows / columns) (Bernstein, jeremybernste.in/writing/deriving-muon)
};
template <>
inline constexpr std::array words<MuonScale> = {"original", "match_rms_adamw", "spectral_unclamped"};

// What stands for the orthogonal factor: five steps of Newton-Schulz, or the exact one (polar_factor()).
enum class MuonPolar { newton_schulz, exact };
template <>
inline constexpr std::array words<MuonPolar> = {"newton_schulz", "exact"};

// Muon (Keller Jordan 2024, kellerjordan.github.io/posts/muon), for matrices only, as torch.optim.Muon:
//   b += (1 - momentum) (g - b);  u = g + momentum (b - g) with nesterov, else b
//   p = (1 - lr weight_decay) p - lr adjust(shape) orthogonalize(u)
// The root mean square of the update is sqrt(1 / max(rows, columns)) adjust(shape), if the factor is exact.
// By whole tensors, a combined (3d, d) projection is orthogonalised as one.
struct MuonOptions {
  double lr = 1e-3;
  double weight_decay = 0.1;
  double momentum = 0.95;
  bool nesterov = true;
  MuonPolar polar = MuonPolar::newton_schulz;
  std::array<double, 3> ns_coefficients = NewtonSchulz{}.coefficients;
  double eps = NewtonSchulz{}.eps;
  int ns_steps = NewtonSchulz{}.steps;
  bool ns_bfloat16 = false;  // iterate in bfloat16, as PyTorch does; else in the parameter's precision
  MuonScale adjust_lr_fn = MuonScale::original;
  Granularity direction_by = Granularity::tensor;  // what is orthogonalised as one
  // Each part (or head, the finer of both) of the update gets the Frobenius norm that it has in the update by
  // this.
  Granularity scale_by = Granularity::tensor;

  static constexpr const char* name = "Muon";
  void visit(auto& field) {
    visit_common(*this, field), field("polar", polar), field("ns_coefficients", ns_coefficients);
    field("ns_steps", ns_steps, Range{0, 100}), field("ns_bfloat16", ns_bfloat16);
    field("adjust_lr_fn", adjust_lr_fn);
  }
  void add_slots(Member& member) const;
  void update(const Step& step) const;
};

using Muon = Rule<MuonOptions>;
inline const Registered<Muon> registered_muon;

}  // namespace lockstep::optim
