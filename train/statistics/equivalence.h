#pragma once

#include <span>

namespace lockstep::train {

// Two one-sided tests of |mean| >= margin (> 0): p is the larger of p(mean <= -margin) and p(mean >= margin),
// so that p <= alpha says the same as "the sign_flip_interval at 1 - 2 alpha lies strictly between -margin
// and margin". Throws for another margin, and for differences that are not finite.
double equivalence_p(std::span<const double> differences, double margin);

}  // namespace lockstep::train
