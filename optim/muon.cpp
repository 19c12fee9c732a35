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

void Muon::update(const MuonOptions& o, const std::vector<Due>& due, const Tensor& only_if_finite) {
  Updates updates(only_if_finite);
  std::vector<Tensor> directions;
  for (const Due& d : due) {
    directions.push_back(empty_like(d.parameter()));
    updates.add(rules::MuonMomentum<double>{1 - o.momentum, o.nesterov ? o.momentum : 1},
                {directions.back(), d.gradient, d.member.update_slots()});
  }
  updates.run();

  const bool matched = o.scale_by != o.direction_by;
  const std::vector<Tensor> factors = factors_by(o.direction_by, directions, due, o);
  const std::vector<Tensor> sized = matched ? factors_by(o.scale_by, directions, due, o) : factors;
  struct Piece {
    Tensor parameter, factor, sized;
    double adjusted;
  };
  std::vector<Piece> pieces;
  for (std::size_t i = 0; i < due.size(); ++i) {
    const Parameter& parameter = due[i].member.parameter();
    const std::vector<RowRange> scales = row_ranges(parameter, o.scale_by);
    for (const RowRange& piece : row_ranges(parameter, finer(o.direction_by, o.scale_by))) {
      const RowRange& scale = scales[index_of_row(scales, piece.begin)];
      pieces.push_back({rows(parameter.tensor, piece), rows(factors[i], piece), rows(sized[i], piece),
                        adjusted(o.adjust_lr_fn, scale, parameter.tensor.size(1))});
    }
  }
  Tensor scales;
  if (matched) {
    std::vector<Tensor> made, wanted;
    for (const Piece& piece : pieces) made.push_back(piece.factor), wanted.push_back(piece.sized);
    scales = ratio_or_one(norms(wanted), norms(made));
  }
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    updates.add(
        rules::Add<double>{1 - o.lr * o.weight_decay, -o.lr * pieces[i].adjusted},
        {.p = pieces[i].parameter, .g = pieces[i].factor, .scale = matched ? element(scales, i) : Tensor()});
  }
  updates.run();
}

}  // namespace lockstep::optim
