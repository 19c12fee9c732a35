#pragma once

#include <cstddef>
#include <span>

#include "train/statistics/sign_flip.h"

namespace lockstep::train {

// What several studies of one effect, each with its own true size, say together.
struct RandomEffects {
  std::size_t studies = 0;
  double mean = 0;      // of the true effects
  double tau = 0;       // their standard deviation
  Interval confidence;  // of the mean
  Interval prediction;  // of the true effect of one more such study
};

inline constexpr std::size_t fewest_for_random_effects = 6;

// From the effects and the squares of their standard errors: tau by Paule and Mandel 1982; the 95% interval
// of the mean by Hartung and Knapp 2001, never narrower than with tau known (Roever et al. 2015); the
// prediction interval of Higgins et al. 2009, k - 2 degrees of freedom. Throws with less than 3, and unless
// each has a variance.
RandomEffects random_effects(std::span<const double> effects, std::span<const double> variances);

// Student's t: the value that |t| stays below with the probability `level`.
double t_quantile(double level, std::size_t degrees_of_freedom);

}  // namespace lockstep::train
