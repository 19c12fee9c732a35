#include "optim/muon.h"

#include <cmath>

#include "core/ops.h"
#include "optim/matrix.h"

namespace lockstep::optim {

namespace {

double adjusted(MuonScale scale, const RowRange& range, std::int64_t columns_of_all) {
  const auto rows = static_cast<double>(range.end - range.begin),
             columns = static_cast<double>(columns_of_all);
  switch (scale) {
    case MuonScale::original:
      return std::sqrt(std::max(1.0, rows / columns));
    case MuonScale::match_rms_adamw:
      return 0.2 * std::sqrt(std::max(rows, columns));
    case MuonScale::spectral_unclamped:
      return std::sqrt(rows / columns);
  }
  return 1;
}

// Replaces every matrix by its orthogonal factor, those of one shape and type as a batch.
void orthogonalize_all(std::vector<Tensor> matrices, const MuonOptions& o) {
  while (!matrices.empty()) {
    const Tensor first = matrices.front();
    const auto others = std::stable_partition(matrices.begin(), matrices.end(), [&](const Tensor& x) {
      return x.shape() == first.shape() && x.dtype() == first.dtype();
    });
    const std::vector<Tensor> alike(matrices.begin(), others);
    const Tensor batch = stack(alike, 0);
    const Tensor factors = o.polar == MuonPolar::exact
                               ? polar_factor(batch)
                               : orthogonalize(batch, {o.ns_coefficients, o.ns_steps, o.eps, o.ns_bfloat16});
    for (std::size_t i = 0; i < alike.size(); ++i) {
      kernels(first).copy(alike[i], select(factors, 0, static_cast<std::int64_t>(i)));
    }
    matrices.erase(matrices.begin(), others);
  }
}

// The orthogonal factors of the rows that a granularity takes for one matrix, in the place of those rows.
std::vector<Tensor> factors_by(Granularity by, const std::vector<Tensor>& directions,
                               const std::vector<Due>& due, const MuonOptions& o) {
  std::vector<Tensor> factors, matrices;
  for (std::size_t i = 0; i < due.size(); ++i) {
    factors.push_back(clone(directions[i]));
    for (const RowRange& range : row_ranges(due[i].member.parameter(), by)) {
      matrices.push_back(rows(factors[i], range));
    }
  }
  orthogonalize_all(matrices, o);
  return factors;
}

}  // namespace

void MuonOptions::add_slots(Member& member) const {
  check(member.tensor().rank() == 2,
        "[Muon] takes matrices only, {} is {}: give it to another rule beside Muon, see muon_with_adam",
        member.parameter().name, describe(member.tensor()));
  member.add_slot("momentum_buffer");
}

void MuonOptions::update(const Step& step) const {
  const auto& due = step.due;
  Updates updates(step.only_if_finite);
  std::vector<Tensor> directions;
  for (const Due& d : due) {
    directions.push_back(empty_like(d.parameter()));
    updates.add(rules::MuonMomentum<double>{1 - momentum, nesterov ? momentum : 1},
                {directions.back(), d.gradient, d.member.update_slots()});
  }
  updates.run();

  const bool matched = scale_by != direction_by;
  const std::vector<Tensor> factors = factors_by(direction_by, directions, due, *this);
  const std::vector<Tensor> sized = matched ? factors_by(scale_by, directions, due, *this) : factors;
  std::vector<Piece> pieces;
  std::vector<double> adjustments;
  for (std::size_t i = 0; i < due.size(); ++i) {
    const Parameter& parameter = due[i].member.parameter();
    const std::vector<RowRange> scales = row_ranges(parameter, scale_by);
    for (Piece& piece : pieces_of(parameter, factors[i], sized[i], {direction_by, scale_by})) {
      adjustments.push_back(adjusted(adjust_lr_fn, scales[piece.scale], parameter.tensor.size(1)));
      pieces.push_back(std::move(piece));
    }
  }
  const Tensor scales = matched ? size_factors(pieces) : Tensor();
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    updates.add(
        rules::Add<double>{1 - lr * weight_decay, -lr * adjustments[i]},
        {.p = pieces[i].parameter, .g = pieces[i].update, .scale = matched ? element(scales, i) : Tensor()});
  }
  updates.run();
}

}  // namespace lockstep::optim
