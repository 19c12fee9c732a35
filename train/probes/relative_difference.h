#pragma once

#include <cmath>
#include <limits>
#include <span>

namespace lockstep::train {

// ||a - b|| / ||b||, Frobenius norms over all that was added.
class RelativeDifference {
 public:
  void add(std::span<const double> a, std::span<const double> b) {
    for (std::size_t i = 0; i < a.size(); ++i) {
      apart_ += (a[i] - b[i]) * (a[i] - b[i]);
      size_ += b[i] * b[i];
    }
  }
  // 0 for equal ones, infinite where b alone is zero.
  double value() const {
    if (apart_ == 0) return 0;
    return size_ == 0 ? std::numeric_limits<double>::infinity() : std::sqrt(apart_ / size_);
  }

 private:
  double apart_ = 0, size_ = 0;
};

}  // namespace lockstep::train
