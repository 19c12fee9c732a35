#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "train/statistics/sign_flip.h"
#include "train/statistics/step_down.h"

// Tests that may be looked at after every pair, and stopped at will. With the equivalence margin m,
// lambda_j = 2^j / m for j = -4 ... 7, and the differences d_1 ... d_n so far,
//
//   E(theta) = mean_j prod_i exp(lambda_j (d_i - theta)) / cosh(lambda_j (d_i - theta))
//
// is a nonnegative supermartingale that starts at 1, if each d_i is symmetric about a mean of at most theta
// given those before it: with a symmetric x, exp(x) / cosh(x) has the mean 1. So the chance that it ever
// reaches 1 / alpha is at most alpha (Ville 1939; de la Pena 1999; Ramdas et al. 2020). A pair multiplies it
// by less than 2: it takes 6 pairs to reach 20. Throws for a margin that is not above 0, and for differences
// that are not finite.
namespace lockstep::train {

// The largest value that was reached with the first 1, 2, ... n pairs.
struct Evidence {
  double different = 1;   // against a mean of 0: the mean of E(0) and of its mirror image, from -d
  double equivalent = 1;  // against a mean of m and more, or -m and less: the smaller one of the two
};
Evidence evidence(std::span<const double> differences, double margin);

// All means that were never rejected with 1, 2, ... n pairs: holds the true one at all times together with a
// probability of at least `level`. Infinite as long as nothing is rejected.
Interval confidence_sequence(std::span<const double> differences, double margin, double level = 0.95);

// One p-value for each claim, corrected for all of a family: 1 / E with Holm's step-down procedure, which
// counts what can still be true beside what was rejected (Shaffer 1986). No mean is 0 and at least m at once,
// so n contrasts have at most n true hypotheses. The chance of any false verdict, at whatever times each is
// looked at, is at most alpha.
std::vector<FamilyP> e_holm(std::span<const Evidence> family);

}  // namespace lockstep::train
