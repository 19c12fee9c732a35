#pragma once

#include <string>
#include <vector>

// From numbers to pixels.
namespace lockstep::train {

// Maps [low, high] on [from, to], linearly or by the logarithm.
struct Scale {
  double low, high, from, to;
  bool log = false;

  double operator()(double value) const;
};

// About `wanted` round numbers inside [low, high]: 1, 2 or 5 times a power of ten; of a logarithmic scale
// powers of ten, or where there is none or one, 1, 2 and 5 times them.
std::vector<double> ticks(const Scale& scale, int wanted);

// "0.25", "12000", "1e-07"; with a sign where `sign` is set, but zero.
std::string tick_label(double value, bool sign = false);

// The smallest interval with all finite numbers; [0, 1] where there is none, and of one number some room
// around it.
struct Extent {
  double low = 0, high = 1;
};
Extent extent_of(const std::vector<double>& values);

}  // namespace lockstep::train
