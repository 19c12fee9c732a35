#include "core/random/erfinv.h"

#include <cmath>
#include <limits>
#include <numbers>

namespace lockstep {

double erfinv(double y) {
  const double magnitude = std::abs(y);
  if (!(magnitude < 1)) {
    return magnitude == 1 ? std::copysign(std::numeric_limits<double>::infinity(), y)
                          : std::numeric_limits<double>::quiet_NaN();
  }
  // Winitzki, "A handy approximation for the error function and its inverse" (2008): to 0.2%.
  constexpr double a = 0.147;
  const double log_tails = std::log1p(-magnitude * magnitude),
               half = 2 / (std::numbers::pi * a) + log_tails / 2;
  double x = std::sqrt(std::sqrt(half * half - log_tails / a) - half);
  // Halley's method on erf(x) - y, whose second derivative is -2 x times the first; it triples the correct
  // digits. Where erf is near 1 its complement keeps the digits.
  double newton = 0;
  do {
    const double error = magnitude < 0.5 ? std::erf(x) - magnitude : (1 - magnitude) - std::erfc(x);
    newton = error * std::exp(x * x) / (2 * std::numbers::inv_sqrtpi);
    x -= newton / (1 + x * newton);
  } while (std::abs(newton) > 1e-7 * x);
  return std::copysign(x, y);
}

}  // namespace lockstep
