#include "train/report/scale.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace lockstep::train {

double Scale::operator()(double value) const {
  const double share = log ? std::log(value / low) / std::log(high / low) : (value - low) / (high - low);
  return from + share * (to - from);
}

namespace {

std::vector<double> powers(const Scale& scale, std::initializer_list<double> digits) {
  std::vector<double> found;
  const int last = static_cast<int>(std::floor(std::log10(scale.high)));
  for (int exponent = static_cast<int>(std::floor(std::log10(scale.low))); exponent <= last; ++exponent) {
    for (const double digit : digits) {
      const double value = digit * std::pow(10.0, exponent);
      if (value >= scale.low * (1 - 1e-9) && value <= scale.high * (1 + 1e-9)) found.push_back(value);
    }
  }
  return found;
}

}  // namespace

std::vector<double> ticks(const Scale& scale, int wanted) {
  if (scale.log) {
    std::vector<double> found = powers(scale, {1});
    if (found.size() < 2) return powers(scale, {1, 2, 5});
    const std::size_t every =
        (found.size() + static_cast<std::size_t>(wanted) - 1) / static_cast<std::size_t>(wanted);
    std::vector<double> kept;
    for (std::size_t i = 0; i < found.size(); i += every) kept.push_back(found[i]);
    return kept;
  }
  const double rough = (scale.high - scale.low) / wanted,
               power = std::pow(10.0, std::floor(std::log10(rough)));
  const double lead = rough / power;
  const double step = power * (lead < 1.5 ? 1 : lead < 3.5 ? 2 : lead < 7.5 ? 5 : 10);
  std::vector<double> found;
  const double first = std::ceil(scale.low / step - 1e-9);
  for (double k = first; k * step <= scale.high + 1e-9 * step; ++k) found.push_back(k * step);
  return found;
}

std::string tick_label(double value, bool sign) {
  const std::string text = fmt::format("{:.6g}", value);
  if (std::stod(text) == 0) return "0";
  return sign && value > 0 ? "+" + text : text;
}

Extent extent_of(const std::vector<double>& values) {
  bool any = false;
  Extent extent;
  for (const double value : values) {
    if (!std::isfinite(value)) continue;
    extent = any ? Extent{std::min(extent.low, value), std::max(extent.high, value)} : Extent{value, value};
    any = true;
  }
  if (any && extent.high - extent.low <= 1e-12 * std::abs(extent.high)) {
    const double room = extent.high == 0 ? 1 : 0.05 * std::abs(extent.high);
    return {extent.low - room, extent.high + room};
  }
  return extent;
}

}  // namespace lockstep::train
