#pragma once

#include "optim/registry.h"

namespace lockstep::optim {

// Adafactor (Shazeer and Stern 2018, arXiv:1804.04235), as torch.optim.Adafactor. The second moment of a
// matrix (the last two dimensions of a tensor) is kept as that of its rows and that of its columns:
//   w = t^beta2_decay;  r += w (mean over columns of g^2 - r);  c += w (mean over rows of g^2 - c)
//   v = r c / max(mean(r), eps1);  of a vector v += w (g^2 - v)
//   u = g / sqrt(max(v, eps1^2))
//   p = (1 - lr weight_decay) p - min(lr, 1 / sqrt(t)) max(eps2, rms(p)) u / max(1, rms(u) / d)
// Columns of a combined (3d, d) projection share c and mean(r) among q, k and v, and the root mean squares
// rms(p) and rms(u).
//
// The state has "row_var" (..., R, 1) and "col_var" (..., 1, C), of a matrix (ranges, C) with a row for each
// range of direction_by ("col_var_of_scale" likewise for scale_by, where that is another), or "variance" like
// the parameter.
struct AdafactorOptions {
  double lr = 1e-2;  // the most that a step may be relative to the parameter; 1 / sqrt(t) later on
  double beta2_decay = -0.8;
  // The least root of a second moment (NaN: the dtype's machine epsilon) and the least size of a parameter.
  std::array<double, 2> eps = {std::numeric_limits<double>::quiet_NaN(), 1e-3};
  double d = 1;             // the largest root mean square of an update before it is scaled
  double weight_decay = 0;  // of the parameter itself, by lr weight_decay
  bool maximize = false;
  Granularity direction_by = Granularity::tensor;  // of a matrix: what is stepped as one
  // Each part (or head, the finer of both) of the update gets the Frobenius norm that it has in the update by
  // this.
  Granularity scale_by = Granularity::tensor;
  // The same of vectors. By part, no norm has another's key bias in it, whose gradient is rounding noise.
  Granularity vectors_by = Granularity::tensor;

  static constexpr const char* name = "Adafactor";
  void visit(auto& field) {
    visit_common(*this, field), field("beta2_decay", beta2_decay), field("eps", eps);
    field("d", d, at_least(1));
  }
  void validate() const;
  void add_slots(Member& member) const;
  void update(const Step& step) const;
};

using Adafactor = Rule<AdafactorOptions>;
inline const Registered<Adafactor> registered_adafactor;

}  // namespace lockstep::optim
