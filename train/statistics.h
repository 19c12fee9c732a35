#pragma once

#include <span>
#include <vector>

namespace lockstep::train {

// Holm's step-down adjustment: with p_(1) <= ... <= p_(m), adjusted p_(i) = max over j <= i of min(1, (m - j
// + 1) p_(j)), returned in the order of `p_values`. Rejecting wherever the adjusted value is at most alpha
// keeps the chance of any false rejection among the m at most alpha, however the tests depend on each other.
// Source: S. Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Statist. 6 (1979)
// 65-70.
std::vector<double> holm(std::span<const double> p_values);

}  // namespace lockstep::train
