#include "nn/init.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>

#include "core/joined.h"
#include "core/ops/views.h"
#include "nn/orthogonal.h"

namespace lockstep {
namespace {

RowRange all_rows(const Parameter& p) { return row_ranges(p, Granularity::tensor).front(); }

struct Fans {
  double in, out;
};

// Of `rows` rows of a weight (PyTorch: _calculate_fan_in_and_fan_out).
Fans fans_of(const Parameter& p, const RowRange& range) {
  const Dims& shape = p.tensor.shape();
  check(shape.rank() >= 2, "[init] {}: fans need at least 2 dimensions, got {}", p.name, to_string(shape));
  double kernel = 1;
  for (int i = 2; i < shape.rank(); ++i) kernel *= static_cast<double>(shape[i]);
  return {static_cast<double>(shape[1]) * kernel, static_cast<double>(range.end - range.begin) * kernel};
}

template <typename Kaiming>
double kaiming_std(const Kaiming& rule, const Fans& fans) {
  return gain_of(rule.nonlinearity, rule.a) / std::sqrt(rule.mode == FanMode::fan_in ? fans.in : fans.out);
}

double xavier_std(double gain, const Fans& fans) { return gain * std::sqrt(2.0 / (fans.in + fans.out)); }

// Writes value(row, column) into the rows of a range, columns being all dimensions after the first.
template <typename Value>
void write(const Tensor& tensor, const RowRange& range, Value value) {
  const std::int64_t columns = tensor.numel() / tensor.size(0);
  dispatch_real(tensor.dtype(), [&](auto type) {
    using T = decltype(type);
    T* x = tensor.data<T>();
    for (std::int64_t i = range.begin; i < range.end; ++i) {
      for (std::int64_t j = 0; j < columns; ++j) x[i * columns + j] = static_cast<T>(value(i, j));
    }
  });
  tensor.mark_changed();
}

// One rule at work on one parameter.
struct Filler {
  const Draws& draws;
  const Init& init;
  const Parameter& p;

  std::vector<RowRange> scales() const { return row_ranges(p, init.scale_by); }

  void operator()(const init::Constant& r) const {
    dispatch_real(p.tensor.dtype(), [&](auto type) {
      using T = decltype(type);
      std::fill_n(p.tensor.data<T>(), p.tensor.numel(), static_cast<T>(r.value));
    });
    p.tensor.mark_changed();
  }
  void operator()(const init::Given& r) const {
    check(r.values.shape() == p.tensor.shape(), "[init] {}: expected values of shape {}, got {}", p.name,
          to_string(p.tensor.shape()), describe(r.values));
    const std::vector<double> values = r.values.to_vector();
    const std::int64_t columns = p.tensor.numel() / p.tensor.size(0);
    write(p.tensor, all_rows(p),
          [&](std::int64_t i, std::int64_t j) { return values[static_cast<std::size_t>(i * columns + j)]; });
  }
  void operator()(const init::Uniform& r) const { draws.uniform(all_rows(p), r.low, r.high); }
  void operator()(const init::Normal& r) const { draws.normal(all_rows(p), r.mean, r.std); }
  void operator()(const init::TruncNormal& r) const {
    draws.truncated_normal(all_rows(p), r.mean, r.std, r.low, r.high, r.by_erfinv);
  }
  void operator()(const init::KaimingNormal& r) const {
    for (const RowRange& b : scales()) draws.normal(b, 0, kaiming_std(r, fans_of(p, b)));
  }
  void operator()(const init::KaimingUniform& r) const {
    for (const RowRange& b : scales()) symmetric(b, kaiming_std(r, fans_of(p, b)));
  }
  void operator()(const init::XavierNormal& r) const {
    for (const RowRange& b : scales()) draws.normal(b, 0, xavier_std(r.gain, fans_of(p, b)));
  }
  void operator()(const init::XavierUniform& r) const {
    for (const RowRange& b : scales()) symmetric(b, xavier_std(r.gain, fans_of(p, b)));
  }

  // Uniform with a given standard deviation.
  void symmetric(const RowRange& range, double std) const {
    const double bound = std::sqrt(3.0) * std;
    draws.uniform(range, -bound, bound);
  }

  void operator()(const init::Orthogonal& r) const {
    check(p.tensor.rank() >= 2, "[init] {}: orthogonal needs at least 2 dimensions, got {}", p.name,
          to_string(p.tensor.shape()));
    for (const RowRange& b : row_ranges(p, init.direction_by)) draws.normal(b, 0, 1);
    const Tensor sized = clone(p.tensor.detach());  // by scale_by, from the same draws
    for (const RowRange& b : row_ranges(p, init.direction_by)) nn::householder_q(rows(p.tensor, b));
    if (init.scale_by != init.direction_by) {
      for (const RowRange& b : scales()) nn::householder_q(rows(sized, b));
      for (const RowRange& b : row_ranges(p, std::max(init.direction_by, init.scale_by))) {
        multiply(rows(p.tensor, b), norm(rows(sized, b)) / norm(rows(p.tensor, b)));
      }
    }
    if (r.gain != 1) multiply(p.tensor, r.gain);
  }

  static double norm(const Tensor& x) {
    double sum = 0;
    for (const double value : x.to_vector()) sum += value * value;
    return std::sqrt(sum);
  }
  static void multiply(const Tensor& x, double factor) {
    dispatch_real(x.dtype(), [&](auto type) {
      using T = decltype(type);
      for (std::int64_t i = 0; i < x.numel(); ++i) x.data<T>()[i] *= static_cast<T>(factor);
    });
    x.mark_changed();
  }

  void operator()(const init::Eye&) const {
    check(p.tensor.rank() == 2, "[init] {}: eye needs 2 dimensions, got {}", p.name,
          to_string(p.tensor.shape()));
    for (const RowRange& b : row_ranges(p, init.direction_by)) {
      write(p.tensor, b, [&](std::int64_t i, std::int64_t j) { return i - b.begin == j ? 1 : 0; });
    }
  }

  void operator()(const init::Dirac& r) const {
    const Dims& shape = p.tensor.shape();
    check(shape.rank() >= 3 && shape.rank() <= 5, "[init] {}: dirac needs a convolution's weight, got {}",
          p.name, to_string(shape));
    check(r.groups > 0 && shape[0] % r.groups == 0,
          "[init] {}: dirac: {} output channels do not divide by {} groups", p.name, shape[0], r.groups);
    std::int64_t kernel = 1, center = 0;
    for (int i = 2; i < shape.rank(); ++i) {
      kernel *= shape[i];
      center = center * shape[i] + shape[i] / 2;
    }
    const std::int64_t per_group = shape[0] / r.groups;
    write(p.tensor, all_rows(p), [&](std::int64_t i, std::int64_t j) {
      return j == (i % per_group) * kernel + center && i % per_group < shape[1] ? 1 : 0;
    });
  }

  void operator()(const init::Sparse& r) const {
    check(p.tensor.rank() == 2, "[init] {}: sparse needs 2 dimensions, got {}", p.name,
          to_string(p.tensor.shape()));
    draws.normal(all_rows(p), 0, r.std);
    const std::int64_t columns = p.tensor.size(1);
    for (const RowRange& b : row_ranges(p, init.direction_by)) {
      const std::int64_t height = b.end - b.begin;
      const auto zeros = static_cast<std::int64_t>(std::ceil(r.sparsity * static_cast<double>(height)));
      for (std::int64_t j = 0; j < columns; ++j) {
        const std::vector<std::int64_t> order = draws.permutation(b, height, j);
        dispatch_real(p.tensor.dtype(), [&](auto type) {
          using T = decltype(type);
          for (std::int64_t k = 0; k < std::min(zeros, height); ++k) {
            p.tensor.data<T>()[(b.begin + order[static_cast<std::size_t>(k)]) * columns + j] = T{0};
          }
        });
      }
    }
  }
};

}  // namespace

double gain_of(Nonlinearity nonlinearity, double slope) {
  switch (nonlinearity) {
    case Nonlinearity::tanh:
      return 5.0 / 3;
    case Nonlinearity::relu:
      return std::numbers::sqrt2;
    case Nonlinearity::leaky_relu:
      return std::sqrt(2.0 / (1 + slope * slope));
    case Nonlinearity::selu:
      return 0.75;
    default:
      return 1;
  }
}

void initialize(const Parameter& parameter, const Init& init, RandomSource source) {
  if (parameter.tensor.numel() == 0) return;
  const Draws draws(parameter, source, init.redraw);
  std::visit(Filler{draws, init, parameter}, init.rule);
  if (init.zero_row) {
    write(parameter.tensor, {"", *init.zero_row, *init.zero_row + 1},
          [](std::int64_t, std::int64_t) { return 0; });
  }
}

namespace {

const std::map<std::string, InitRule>& named_rules() {
  static const std::map<std::string, InitRule> known = {
      {"constant", init::Constant{}},
      {"dirac", init::Dirac{}},
      {"eye", init::Eye{}},
      {"kaiming_normal", init::KaimingNormal{}},
      {"kaiming_uniform", init::KaimingUniform{.a = std::sqrt(5.0)}},
      {"normal", init::Normal{}},
      {"orthogonal", init::Orthogonal{}},
      {"sparse", init::Sparse{}},
      {"trunc_normal", init::TruncNormal{}},
      {"uniform", init::Uniform{}},
      {"xavier_normal", init::XavierNormal{}},
      {"xavier_uniform", init::XavierUniform{}},
  };
  return known;
}

}  // namespace

std::vector<std::string> init_names() {
  std::vector<std::string> names;
  for (const auto& [name, rule] : named_rules()) names.push_back(name);
  return names;
}

InitRule init_from(const std::string& name) {
  if (const auto found = named_rules().find(name); found != named_rules().end()) return found->second;
  fail("expected an initialiser ({}), got \"{}\"", joined(init_names()), name);
}

}  // namespace lockstep
