#pragma once

#include <cstddef>
#include <span>

namespace lockstep::train {

// NaN where a number is undefined: all of them for no values, the standard deviation for one.
struct Summary {
  std::size_t count;
  double mean, sd;  // sd with n - 1
  double min, lower_quartile, median, upper_quartile, max;
};
Summary summarize(std::span<const double> values);

// The q-quantile, 0 <= q <= 1, by linear interpolation between order statistics (Hyndman and Fan's type 7:
// NumPy's and R's default). NaN of no values; throws for another q.
double quantile(std::span<const double> values, double q);

}  // namespace lockstep::train
