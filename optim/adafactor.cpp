#include "optim/adafactor.h"

#include <cmath>

#include "core/ops.h"
#include "optim/matrix.h"

namespace lockstep::optim {

namespace {

constexpr const char* columns_slot = "col_var";
constexpr const char* columns_of_scale_slot = "col_var_of_scale";

// One row of moments for each range of a matrix, named so that a part has the same state in any storage.
void add_column_slot(Member& member, const char* slot, Granularity by) {
  const Parameter& parameter = member.parameter();
  const auto& parts = parameter.parts;
  std::vector<LogicalPart> found;
  if (by == Granularity::tensor && parts.size() > 1) {
    found = {{parameter.name, 0, 1}};
  } else {
    std::int64_t row = 0;
    for (const LogicalPart& part : parts) {
      const std::int64_t count = by == Granularity::head ? part.heads : 1;
      found.push_back({part.name, row, row + count});
      row += count;
    }
  }
  member.add_slot(slot, zeros({found.back().end, member.tensor().size(1)}, member.tensor().options()), found);
}

// One parameter's direction u = g / sqrt(v).
class Directions {
 public:
  Directions(const AdafactorOptions& o, const Due& due, const Tensor& only_if_finite)
      : due_(due), only_if_finite_(only_if_finite), weight_(std::pow(due.step, o.beta2_decay)) {
    const bool f64 = due.parameter().dtype() == DType::f64;
    const double machine =
        f64 ? std::numeric_limits<double>::epsilon() : std::numeric_limits<float>::epsilon();
    eps_ = std::isnan(o.eps[0]) ? machine : o.eps[0];
  }

  // Of a vector, its moments brought up to date.
  Tensor of_vector() const {
    const Tensor u = empty_like(due_.gradient);
    Updates update(only_if_finite_);
    update.add(rules::AdafactorDirection<double>{weight_, eps_ * eps_},
               {u, due_.gradient, due_.member.update_slots()});
    update.run();
    return u;
  }

  void update_rows() const { average(due_.member.slot("row_var"), mean(square(due_.gradient), {-1}, true)); }

  // Of matrices whose columns share moments by a granularity, those of the columns brought up to date.
  Tensor of_matrices(Granularity by, const char* slot) const {
    const Tensor u = empty_like(due_.gradient);
    const Tensor& row_var = due_.member.slot("row_var");
    const Tensor& column_var = due_.member.slot(slot);
    if (u.rank() > 2) {
      one_direction(u, due_.gradient, row_var, column_var);
      return u;
    }
    std::int64_t row = 0;
    for (const RowRange& range : row_ranges(due_.member.parameter(), by)) {
      one_direction(rows(u, range), rows(due_.gradient, range), rows(row_var, range),
                    rows(column_var, {"", row, row + 1}));
      ++row;
    }
    return u;
  }

 private:
  void average(const Tensor& moments, const Tensor& now) const {
    Updates update(only_if_finite_);
    update.add(rules::Average<double>{weight_, 1}, {moments, now});
    update.run();
  }

  void one_direction(const Tensor& u, const Tensor& g, const Tensor& r, const Tensor& c) const {
    average(c, mean(square(g), {-2}, true));
    const Tensor v = r * c / clamp(mean(r, {-2}, true), eps_, infinity);
    kernels(u).binary(BinaryOp::div, u, g, sqrt(clamp(v, eps_ * eps_, infinity)));
  }

  const Due& due_;
  const Tensor& only_if_finite_;
  double weight_, eps_;
};

// Rows of a parameter: its update, the same by scale_by, and which of the ranges of scale_by they are in.
struct Piece {
  Tensor parameter, update, sized;
  std::size_t scale;
  double rate;
};

}  // namespace

void AdafactorOptions::validate() const {
  check(beta2_decay <= 0, "[Adafactor] beta2_decay must be 0 or less, got {}", beta2_decay);
  const RangeChecker checker{name};
  if (!std::isnan(eps[0])) checker("the first eps", eps[0], at_least(0));
  checker("the second eps", eps[1], at_least(0));
}

void AdafactorOptions::add_slots(Member& member) const {
  const Tensor& p = member.tensor();
  if (p.rank() < 2) return member.add_slot("variance");
  Dims one_column = p.shape(), one_row = p.shape();
  one_column[p.rank() - 1] = one_row[p.rank() - 2] = 1;
  member.add_slot("row_var", zeros(one_column, p.options()), member.parameter().parts);
  if (p.rank() > 2)
    return member.add_slot(columns_slot, zeros(one_row, p.options()), member.parameter().parts);
  add_column_slot(member, columns_slot, direction_by);
  if (scale_by != direction_by) add_column_slot(member, columns_of_scale_slot, scale_by);
}

void Adafactor::update(const AdafactorOptions& o, const std::vector<Due>& due, const Tensor& only_if_finite) {
  std::vector<Tensor> parameters, updates;  // by the ranges of scale_by
  std::vector<Piece> pieces;
  for (const Due& d : due) {
    const Directions directions(o, d, only_if_finite);
    const Parameter& parameter = d.member.parameter();
    Tensor u, sized;
    if (d.parameter().rank() < 2) {
      u = sized = directions.of_vector();
    } else {
      directions.update_rows();
      u = sized = directions.of_matrices(o.direction_by, columns_slot);
      if (d.member.has_slot(columns_of_scale_slot)) {
        sized = directions.of_matrices(o.scale_by, columns_of_scale_slot);
      }
    }
    const std::vector<RowRange> scales = ranges_by(parameter, o.scale_by, o.vectors_by);
    for (const RowRange& piece : ranges_by(parameter, finer(o.direction_by, o.scale_by), o.vectors_by)) {
      pieces.push_back({rows(parameter.tensor, piece), rows(u, piece), rows(sized, piece),
                        parameters.size() + index_of_row(scales, piece.begin),
                        std::min(o.lr, 1 / std::sqrt(d.step)) * (o.maximize ? -1 : 1)});
    }
    for (const RowRange& range : scales) {
      parameters.push_back(rows(parameter.tensor, range)), updates.push_back(rows(sized, range));
    }
  }
  const Tensor sizes = clamp(root_mean_squares(parameters), o.eps[1], infinity) /
                       clamp(root_mean_squares(updates) / o.d, 1, infinity);
  std::vector<Tensor> made, wanted;
  for (const Piece& piece : pieces) made.push_back(piece.update), wanted.push_back(piece.sized);
  const Tensor factors = ratio_or_one(norms(wanted), norms(made));
  Updates steps(only_if_finite);
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    steps.add(rules::Multiply<double>{},
              {.p = element(factors, i), .scale = element(sizes, pieces[i].scale)});
  }
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    steps.add(rules::Add<double>{1 - o.lr * o.weight_decay, -pieces[i].rate},
              {.p = pieces[i].parameter, .g = pieces[i].update, .scale = element(factors, i)});
  }
  steps.run();
}

}  // namespace lockstep::optim
