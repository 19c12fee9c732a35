#include "optim/muon.h"

#include <algorithm>
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

using DueList = std::vector<const Due*>;

// Memory for a matrix of each parameter, side by side, and those matrices.
Tensor side_by_side(const DueList& due) {
  std::int64_t size = 0;
  for (const Due* d : due) size += d->parameter().numel();
  return empty({size}, due.front()->parameter().options());
}
std::vector<Tensor> matrices_of(const Tensor& all, const DueList& due) {
  std::vector<Tensor> matrices;
  std::int64_t offset = all.offset();
  for (const Due* d : due) {
    const Dims& shape = d->parameter().shape();
    matrices.push_back(all.view(shape, {shape[1], 1}, offset));
    offset += shape.numel();
  }
  return matrices;
}

// The same memory as the rows that a granularity takes for one matrix: neighbours of one shape are a batch,
// (count, rows, columns), as they stand.
std::vector<Tensor> batches_of(const Tensor& all, const DueList& due, Granularity by) {
  std::vector<Dims> shapes;
  for (const Due* d : due) {
    const std::int64_t columns = d->parameter().size(1);
    for (const RowRange& range : row_ranges(d->member.parameter(), by)) {
      const std::int64_t rows = range.end - range.begin;
      const bool is_next = !shapes.empty() && shapes.back()[1] == rows && shapes.back()[2] == columns;
      is_next ? void(++shapes.back()[0]) : shapes.push_back({1, rows, columns});
    }
  }
  std::vector<Tensor> batches;
  std::int64_t offset = all.offset();
  for (const Dims& shape : shapes) {
    batches.push_back(all.view(shape, {shape[1] * shape[2], shape[2], 1}, offset));
    offset += shape.numel();
  }
  return batches;
}

// What is due of one element type, sorted so that parameters whose matrices, by either granularity, have one
// shape are neighbours.
DueList sorted_by_shape(const std::vector<Due>& due, DType dtype, const MuonOptions& o) {
  DueList sorted;
  for (const Due& d : due) {
    if (d.parameter().dtype() == dtype) sorted.push_back(&d);
  }
  std::ranges::stable_sort(sorted, {}, [&](const Due* d) {
    const auto first_rows = [&](Granularity by) {
      const RowRange first = row_ranges(d->member.parameter(), by).front();
      return first.end - first.begin;
    };
    return std::array{d->parameter().size(1), first_rows(std::max(o.direction_by, o.scale_by)),
                      first_rows(std::min(o.direction_by, o.scale_by)), d->parameter().size(0)};
  });
  return sorted;
}

// The orthogonal factors of `directions` by a granularity, side by side as they are.
Tensor factors_by(Granularity by, const Tensor& directions, const DueList& due, const MuonOptions& o) {
  const Tensor factors = empty_like(directions);
  const std::vector<Tensor> from = batches_of(directions, due, by), to = batches_of(factors, due, by);
  o.polar == MuonPolar::exact
      ? polar_factors(to, from)
      : orthogonalize(to, from, {o.ns_coefficients, o.ns_steps, o.eps, o.ns_bfloat16});
  return factors;
}

void update_sorted(const DueList& due, const Tensor& only_if_finite, const MuonOptions& o) {
  Updates updates(only_if_finite);
  const Tensor directions = side_by_side(due);
  const std::vector<Tensor> direction_of = matrices_of(directions, due);
  for (std::size_t i = 0; i < due.size(); ++i) {
    updates.add(rules::MuonMomentum<double>{1 - o.momentum, o.nesterov ? o.momentum : 1},
                {direction_of[i], due[i]->gradient, due[i]->member.update_slots()});
  }
  updates.run();

  const bool matched = o.scale_by != o.direction_by;
  const Tensor factors = factors_by(o.direction_by, directions, due, o);
  const std::vector<Tensor> factor_of = matrices_of(factors, due),
                            sized_of = matched ? matrices_of(factors_by(o.scale_by, directions, due, o), due)
                                               : factor_of;
  std::vector<Piece> pieces;
  std::vector<double> adjustments;
  for (std::size_t i = 0; i < due.size(); ++i) {
    const Parameter& parameter = due[i]->member.parameter();
    const std::vector<RowRange> scales = row_ranges(parameter, o.scale_by);
    for (Piece& piece : pieces_of(parameter, factor_of[i], sized_of[i], {o.direction_by, o.scale_by})) {
      adjustments.push_back(adjusted(o.adjust_lr_fn, scales[piece.scale], parameter.tensor.size(1)));
      pieces.push_back(std::move(piece));
    }
  }
  const Tensor scales = matched ? size_factors(pieces) : Tensor();
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    updates.add(
        rules::Add<double>{1 - o.lr * o.weight_decay, -o.lr * adjustments[i]},
        {.p = pieces[i].parameter, .g = pieces[i].update, .scale = matched ? element(scales, i) : Tensor()});
  }
  updates.run();
}

}  // namespace

void MuonOptions::add_slots(Member& member) const {
  check(member.tensor().rank() == 2,
        "[Muon] takes matrices only, {} is {}: give it to another rule beside Muon, see muon_with_adam",
        member.parameter().name, describe(member.tensor()));
  member.add_slot("momentum_buffer");
}

void MuonOptions::update(const Step& step) const {
  for (const DType dtype : {DType::f32, DType::f64}) {
    const DueList due = sorted_by_shape(step.due, dtype, *this);
    if (!due.empty()) update_sorted(due, step.only_if_finite, *this);
  }
}

}  // namespace lockstep::optim
