#include "optim/adafactor.h"

#include <algorithm>
#include <cmath>

#include "optim/elementwise.h"
#include "optim/matrix.h"
#include "optim/ranges.h"

namespace lockstep::optim {

namespace {

// The rows of each matrix of a tensor, one behind the other.
std::vector<std::int64_t> heights(const Parameter& parameter, Granularity by) {
  const Tensor& p = parameter.tensor;
  std::vector<std::int64_t> all;
  if (p.rank() == 2) {
    for (const RowRange& range : row_ranges(parameter, by)) all.push_back(range.end - range.begin);
  } else if (p.numel() > 0) {
    const std::int64_t height = p.size(-2);
    all.assign(static_cast<std::size_t>(p.numel() / (height * p.size(-1))), height);
  }
  return all;
}

// One row of moments for each range of a matrix, named so that a part has the same state in any storage.
void add_column_slot(Member& member, Granularity by) {
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
  member.add_slot("col_var", full({found.back().end, member.tensor().size(1)}, 0, member.tensor().options()),
                  found);
}

// u = g / sqrt(v), the moments brought up to date. r and c begin at the matrix's own.
template <typename T>
void factored_direction(T* u, const T* g, T* r, T* c, std::int64_t rows, std::int64_t columns, T weight,
                        T eps) {
  std::vector<double> column_sums(static_cast<std::size_t>(columns));
  double mean_row = 0;
  for (std::int64_t i = 0; i < rows; ++i) {
    double sum = 0;
    for (std::int64_t j = 0; j < columns; ++j) {
      const double square = double{g[i * columns + j]} * double{g[i * columns + j]};
      sum += square;
      column_sums[static_cast<std::size_t>(j)] += square;
    }
    r[i] = lerp(r[i], static_cast<T>(sum / static_cast<double>(columns)), weight);
    mean_row += r[i];
  }
  for (std::int64_t j = 0; j < columns; ++j) {
    c[j] = lerp(c[j], static_cast<T>(column_sums[static_cast<std::size_t>(j)] / static_cast<double>(rows)),
                weight);
  }
  const T norm = std::max(static_cast<T>(mean_row / static_cast<double>(rows)), eps);
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < columns; ++j) {
      u[i * columns + j] = g[i * columns + j] / std::sqrt(std::max(r[i] * c[j] / norm, eps * eps));
    }
  }
}

double root_mean_square(const Tensor& x) {
  return std::sqrt(sum_of_squares(x) / static_cast<double>(x.numel()));
}

}  // namespace

void validate(const AdafactorOptions& o) {
  expect_at_least(0, "Adafactor", "lr", o.lr);
  check(o.beta2_decay <= 0, "[Adafactor] beta2_decay must be 0 or less, got {}", o.beta2_decay);
  if (!std::isnan(o.eps[0])) expect_at_least(0, "Adafactor", "the first eps", o.eps[0]);
  expect_at_least(0, "Adafactor", "the second eps", o.eps[1]);
  expect_at_least(1, "Adafactor", "d", o.d);
  expect_at_least(0, "Adafactor", "weight_decay", o.weight_decay);
}

Adafactor::Adafactor(const ParameterList& parameters, const AdafactorOptions& options)
    : Adafactor(Groups{{parameters, options}}) {}

Adafactor::Adafactor(const Groups& groups) : GroupedOptimizer(groups) {
  for (Member& member : members()) {
    const Tensor& p = member.tensor();
    if (p.rank() < 2) {
      member.add_slot("variance");
      continue;
    }
    Dims one_column = p.shape(), one_row = p.shape();
    one_column[p.rank() - 1] = one_row[p.rank() - 2] = 1;
    member.add_slot("row_var", full(one_column, 0, p.options()), member.parameter().parts);
    if (p.rank() == 2) {
      add_column_slot(member, options_of(member).direction_by);
    } else {
      member.add_slot("col_var", full(one_row, 0, p.options()), member.parameter().parts);
    }
  }
}

void Adafactor::update(Member& member, const Tensor& gradient, double step) {
  const AdafactorOptions& o = options_of(member);
  const Tensor& p = member.tensor();
  const Tensor u = empty_like(p);
  const double weight = std::pow(step, o.beta2_decay);
  dispatch_real(p.dtype(), [&](auto t) {
    using T = decltype(t);
    const T eps = std::isnan(o.eps[0]) ? std::numeric_limits<T>::epsilon() : T(o.eps[0]);
    if (p.rank() < 2) {
      for_each_element<T>(
          [w = T(weight), floor = eps * eps](T& ux, T dx, T& v) {
            v = lerp(v, dx * dx, w);
            ux = dx / std::sqrt(std::max(v, floor));
          },
          u, gradient, member.slot("variance"));
      return;
    }
    T* r = member.slot("row_var").template data<T>();
    T* c = member.slot("col_var").template data<T>();
    T* to = u.data<T>();
    const T* from = gradient.data<T>();
    const std::int64_t columns = p.size(-1);
    for (const std::int64_t height : heights(member.parameter(), o.direction_by)) {
      factored_direction<T>(to, from, r, c, height, columns, T(weight), eps);
      to += height * columns;
      from += height * columns;
      r += height;
      c += columns;
    }
  });
  const double rate = std::min(o.lr, 1 / std::sqrt(step)) * (o.maximize ? -1 : 1);
  for (const RowRange& range : row_ranges(member.parameter(), o.scale_by)) {
    const Tensor part = rows(p, range), move = rows(u, range);
    const double size = std::max(o.eps[1], root_mean_square(part));
    scale(part, 1 - o.lr * o.weight_decay);
    accumulate(part, move, -rate * size / std::max(1.0, root_mean_square(move) / o.d));
  }
}

}  // namespace lockstep::optim
