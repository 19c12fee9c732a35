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

}  // namespace

void AdafactorOptions::validate() const {
  check(beta2_decay <= 0, "[Adafactor] beta2_decay must be 0 or less, got {}", beta2_decay);
  check((std::isnan(eps[0]) || eps[0] >= 0) && eps[1] >= 0,
        "[Adafactor] eps must be two numbers of 0 or more, the first of them or none, got {} and {}", eps[0],
        eps[1]);
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

void AdafactorOptions::update(const Step& step) const {
  std::vector<Tensor> parameters, updates;  // by the ranges of scale_by
  std::vector<Piece> pieces;
  std::vector<double> rates;
  for (const Due& now : step.due) {
    const Directions directions(*this, now, step.only_if_finite);
    const Parameter& parameter = now.member.parameter();
    Tensor u, sized;
    if (now.parameter().rank() < 2) {
      u = sized = directions.of_vector();
    } else {
      directions.update_rows();
      u = sized = directions.of_matrices(direction_by, columns_slot);
      if (now.member.has_slot(columns_of_scale_slot)) {
        sized = directions.of_matrices(scale_by, columns_of_scale_slot);
      }
    }
    for (Piece& piece : pieces_of(parameter, u, sized, {direction_by, scale_by, vectors_by})) {
      piece.scale += parameters.size();
      pieces.push_back(std::move(piece));
      rates.push_back(std::min(lr, 1 / std::sqrt(now.step)) * (maximize ? -1 : 1));
    }
    for (const RowRange& range : ranges_by(parameter, scale_by, vectors_by)) {
      parameters.push_back(rows(parameter.tensor, range)), updates.push_back(rows(sized, range));
    }
  }
  const Tensor sizes = clamp(root_mean_squares(parameters), eps[1], infinity) /
                       clamp(root_mean_squares(updates) / d, 1, infinity);
  const Tensor factors = size_factors(pieces);
  Updates steps(step.only_if_finite);
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    steps.add(rules::Multiply<double>{},
              {.p = element(factors, i), .scale = element(sizes, pieces[i].scale)});
  }
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    steps.add(rules::Add<double>{1 - lr * weight_decay, -rates[i]},
              {.p = pieces[i].parameter, .g = pieces[i].update, .scale = element(factors, i)});
  }
  steps.run();
}

}  // namespace lockstep::optim
