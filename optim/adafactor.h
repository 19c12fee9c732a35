#pragma once

#include <array>
#include <limits>

#include "optim/grouped.h"

namespace lockstep::optim {

struct AdafactorOptions {
  double lr = 1e-2;  // the most that a step may be relative to the parameter; 1 / sqrt(t) later on
  double beta2_decay = -0.8;
  // The least root of a second moment (NaN: the dtype's machine epsilon) and the least size of a parameter.
  std::array<double, 2> eps = {std::numeric_limits<double>::quiet_NaN(), 1e-3};
  double d = 1;             // the largest root mean square of an update before it is scaled
  double weight_decay = 0;  // of the parameter itself, by lr weight_decay
  bool maximize = false;
  Granularity direction_by = Granularity::tensor;  // of a matrix: what shares the moments of its columns
  Granularity scale_by = Granularity::tensor;      // what has a size and a clipping of its own
};

void visit(auto& field, AdafactorOptions& o) {
  field("lr", o.lr), field("beta2_decay", o.beta2_decay), field("eps", o.eps), field("d", o.d);
  field("weight_decay", o.weight_decay), field("maximize", o.maximize);
  field("direction_by", o.direction_by), field("scale_by", o.scale_by);
}
void validate(const AdafactorOptions& o);

// Adafactor (Shazeer and Stern 2018, arXiv:1804.04235), as torch.optim.Adafactor. The second moment of a
// matrix (the last two dimensions of a tensor) is kept as that of its rows and that of its columns:
//   w = t^beta2_decay;  r += w (mean over columns of g^2 - r);  c += w (mean over rows of g^2 - c)
//   v = r c / max(mean(r), eps1);  of a vector v += w (g^2 - v)
//   u = g / sqrt(max(v, eps1^2))
//   p = (1 - lr weight_decay) p - min(lr, 1 / sqrt(t)) max(eps2, rms(p)) u / max(1, rms(u) / d)
// Columns of a combined (3d, d) projection share c and mean(r) among q, k and v: a direction (direction_by).
// The root mean squares rms(p) and rms(u) are a scale (scale_by).
//
// The state has "row_var" (..., R, 1) and "col_var" (..., 1, C), of a matrix (ranges, C) with a row for each
// range of direction_by, or "variance" like the parameter.
class Adafactor final : public GroupedOptimizer<AdafactorOptions> {
 public:
  explicit Adafactor(const ParameterList& parameters, const AdafactorOptions& options = {});
  explicit Adafactor(const Groups& groups);

 private:
  void update(Member& member, const Tensor& gradient, double step) override;
};

}  // namespace lockstep::optim
