#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace lockstep::train {

// One comparison of a family: paired differences, and the largest one that doesn't matter.
struct FamilyMember {
  std::span<const double> differences;
  double margin = 0;
  bool may_be_equivalent = true;  // false: not tested for equivalence
};

// Corrected for all tests of the family, in its order.
struct FamilyP {
  double different = 1, equivalent = 1;
};

// The step-down max-T procedure of Westfall and Young (Resampling-Based Multiple Testing, 1993) over joint
// sign flips. Pair i of every member gets the same sign s_i, as all of them come from one seed. With q = sum
// s_i,
//
//   the mean is not 0           T = |sum s_i d_i| / sqrt(sum d_i^2)
//   it is above -m (margin m)   T = sum s_i (d_i + m) / sqrt(sum (d_i + m)^2)
//   it is below m               T = sum s_i (m - d_i) / sqrt(sum (m - d_i)^2)
//
// (monotone in Student's t; the denominators do not change with the signs). The tests are ordered by what was
// observed, s_i = 1, and each one's p is the share of sign patterns (sign_patterns.h) in which the largest T
// of it and all after it reaches its own; then the largest p so far. Equivalence needs the last two, and has
// the larger p of theirs.
//
// All three kinds are one family: the chance that any verdict of it is false is at most alpha, if
// the differences of a seed are jointly symmetric about the true means. As the sign patterns carry the
// members' dependence along, it costs less than Holm's correction: the smallest p is 2 / 2^n, however many
// members. Throws for a margin that is not above 0, and for differences that are not finite.
std::vector<FamilyP> step_down(std::span<const FamilyMember> family);

}  // namespace lockstep::train
