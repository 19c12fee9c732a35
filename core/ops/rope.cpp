#include "core/ops/rope.h"

#include <cmath>

#include "core/ops/checks.h"
#include "core/ops/elementwise.h"
#include "core/ops/views.h"

namespace lockstep {

Tensor rope(const Tensor& x, const RopeOptions& options) {
  check_real("rope", x);
  check(x.rank() >= 2 && x.size(-1) % 2 == 0, "[rope] expected x (..., T, D) with an even D, got {}",
        describe(x));
  const std::int64_t tokens = x.size(-2), width = x.size(-1), half = width / 2;
  std::vector<double> angles;
  for (std::int64_t t = 0; t < tokens; ++t) {
    for (std::int64_t i = 0; i < half; ++i)
      angles.push_back(static_cast<double>(options.offset + t) *
                       std::pow(options.base, -2 * static_cast<double>(i) / static_cast<double>(width)));
  }
  const Tensor angle = moved(from_values({tokens, half}, angles), x.device());
  const Tensor c = to(cos(angle), x.dtype()), s = to(sin(angle), x.dtype());
  if (options.interleaved) {
    const Tensor a = slice(x, -1, 0, width, 2), b = slice(x, -1, 1, width, 2);
    return reshape(stack({a * c - b * s, b * c + a * s}, -1), x.shape());
  }
  const Tensor a = slice(x, -1, 0, half), b = slice(x, -1, half, width);
  return cat({a * c - b * s, b * c + a * s}, -1);
}

}  // namespace lockstep
