#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <iosfwd>
#include <string>

#include "core/tensor.h"

namespace lockstep {

// The values in rows, then type and shape, like
//
//   [[ 1.0000, -0.5000],
//    [ 2.0000,  3.2500]] f32 (2, 2)
//
// Four digits after the point, or as 1.0000e-05 where numbers are far apart; whole numbers as such. Of more
// than 1000 elements, the first and the last three along each dimension.
std::string to_string(const Tensor& x);
std::ostream& operator<<(std::ostream& out, const Tensor& x);

}  // namespace lockstep

template <>
struct fmt::formatter<lockstep::Tensor> {
  constexpr auto parse(fmt::format_parse_context& context) { return context.begin(); }
  template <typename Context>
  auto format(const lockstep::Tensor& x, Context& context) const {
    const std::string text = lockstep::to_string(x);
    return std::copy(text.begin(), text.end(), context.out());
  }
};
