#include "core/print.h"

#include <algorithm>
#include <cmath>
#include <ostream>

namespace lockstep {

namespace {

constexpr std::int64_t most_printed = 1000, at_an_end = 3;

class Printer {
 public:
  explicit Printer(const Tensor& x)
      : x_(x),
        values_(x.to_vector()),
        strides_(contiguous_strides(x.shape())),
        shortened_(x.numel() > most_printed) {
    for_each_shown(0, 0, [&](std::int64_t at) { choose_format(values_[static_cast<std::size_t>(at)]); });
    for_each_shown(0, 0, [&](std::int64_t at) { width_ = std::max(width_, text(at).size()); });
  }

  std::string block(int dim, std::int64_t at) const {
    if (dim == x_.rank()) return fmt::format("{:>{}}", text(at), width_);
    // Elements stand side by side, rows below each other, with an empty line between matrices and so on.
    std::string between = ",";
    between += dim + 1 == x_.rank() ? " "
                                    : std::string(static_cast<std::size_t>(x_.rank() - dim - 1), '\n') +
                                          std::string(static_cast<std::size_t>(dim + 1), ' ');
    std::string all = "[";
    bool first = true;
    for_each_index(dim, [&](std::int64_t i, bool gap) {
      if (!first) all += between;
      first = false;
      all += gap ? "..." : block(dim + 1, at + i * strides_[dim]);
    });
    return all + "]";
  }

 private:
  // Calls f(index, false), or f(0, true) where some are left out.
  template <typename F>
  void for_each_index(int dim, F&& f) const {
    const std::int64_t n = x_.size(dim);
    const bool gap = shortened_ && n > 2 * at_an_end;
    for (std::int64_t i = 0; i < n; ++i) {
      if (gap && i == at_an_end) {
        f(std::int64_t{0}, true);
        i = n - at_an_end;
      }
      f(i, false);
    }
  }

  template <typename F>
  void for_each_shown(int dim, std::int64_t at, const F& f) const {
    if (dim == x_.rank()) return f(at);
    for_each_index(dim, [&](std::int64_t i, bool gap) {
      if (!gap) for_each_shown(dim + 1, at + i * strides_[dim], f);
    });
  }

  void choose_format(double value) {
    if (!std::isfinite(value)) return;
    const double size = std::abs(value);
    whole_ = whole_ && value == std::floor(value);
    largest_ = std::max(largest_, size);
    if (size > 0) smallest_ = std::min(smallest_, size);
  }

  std::string text(std::int64_t at) const {
    const double value = values_[static_cast<std::size_t>(at)];
    if (!std::isfinite(value)) return fmt::format("{}", value);
    if (!is_real(x_.dtype())) return fmt::format("{}", static_cast<std::int64_t>(value));
    if (largest_ >= 1e8 || (!whole_ && (smallest_ < 1e-4 || largest_ / smallest_ > 1e5)))
      return fmt::format("{:.4e}", value);
    return whole_ ? fmt::format("{}.", value) : fmt::format("{:.4f}", value);
  }

  const Tensor& x_;
  std::vector<double> values_;
  Dims strides_;
  bool shortened_, whole_ = true;
  double largest_ = 0, smallest_ = std::numeric_limits<double>::infinity();
  std::size_t width_ = 0;
};

}  // namespace

std::string to_string(const Tensor& x) {
  if (!x.defined()) return describe(x);
  return fmt::format("{} {}", Printer(x).block(0, 0), describe(x));
}

std::ostream& operator<<(std::ostream& out, const Tensor& x) { return out << to_string(x); }

}  // namespace lockstep
