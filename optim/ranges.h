#pragma once

#include <array>

#include "core/error.h"

// Ranges of options, for the rules' validate(). NaN is in no range.
namespace lockstep::optim {

inline void expect_at_least(double least, const char* rule, const char* option, double value) {
  check(value >= least, "[{}] {} must be {} or more, got {}", rule, option, least, value);
}

inline void expect_betas(const char* rule, const std::array<double, 2>& betas) {
  for (const double beta : betas) {
    check(beta >= 0 && beta < 1, "[{}] betas must be 0 or more and less than 1, got {}", rule, beta);
  }
}

}  // namespace lockstep::optim
