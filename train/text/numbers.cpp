#include "train/text/numbers.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace lockstep::train {

namespace {

int digits_before_point(double value) { return int(std::floor(std::log10(std::abs(value)))) + 1; }

}  // namespace

int decimals_for(double uncertainty, double value) {
  if (uncertainty > 0 && std::isfinite(uncertainty)) {
    int digits = digits_before_point(uncertainty);
    double leading = uncertainty * std::pow(10.0, 3 - digits);  // 100 to 999
    int kept = leading < 355 ? 2 : 1;
    return std::clamp(kept - digits, 0, 12);
  }
  if (value == 0 || !std::isfinite(value)) return 0;
  return std::clamp(3 - digits_before_point(value), 0, 12);
}

std::string number(double value, int decimals, bool sign) {
  if (std::isnan(value)) return "-";
  if (std::isinf(value)) return value > 0 ? (sign ? "+inf" : "inf") : "-inf";
  double size = std::abs(value);
  if (decimals > 6 || size >= 1e7) return sign ? fmt::format("{:+.1e}", value) : fmt::format("{:.1e}", value);
  if (size < 0.5 * std::pow(10.0, -decimals)) return fmt::format("{:.{}f}", 0.0, decimals);
  return sign ? fmt::format("{:+.{}f}", value, decimals) : fmt::format("{:.{}f}", value, decimals);
}

std::string number(double value) {
  double size = std::abs(value);
  if (value == 0) return "0";
  if (!std::isfinite(value)) return number(value, 0);
  if (size >= 1e6 || size < 1e-4) return fmt::format("{:.3g}", value);
  std::string text = fmt::format("{:.{}f}", value, decimals_for(0, value));
  if (text.find('.') == std::string::npos) return text;
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

std::string with_interval(double value, double low, double high) {
  if (std::isnan(value)) return "-";
  int decimals = decimals_for((high - low) / 2, value);
  std::string middle = number(value, decimals, true);
  if (!std::isfinite(low) || !std::isfinite(high)) return middle + " [unbounded]";
  return fmt::format("{} [{}, {}]", middle, number(low, decimals, true), number(high, decimals, true));
}

std::string p_value(double p) {
  if (std::isnan(p)) return "-";
  if (p < 1e-4) return "< 0.0001";
  if (p >= 0.995) return "1";
  return fmt::format("{:.{}f}", p, p < 1e-3 ? 4 : p < 0.1 ? 3 : 2);
}

std::string count(long long n, std::string_view singular) {
  return fmt::format("{} {}{}", n, singular, n == 1 ? "" : "s");
}

std::string duration(double seconds) {
  if (seconds < 9.95) return fmt::format("{:.1f} s", seconds);
  long long whole = std::llround(seconds);
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  return fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
}

}  // namespace lockstep::train
