#include "train/study/metric.h"

namespace lockstep::train {

std::span<const Metric> metrics() {
  static const std::vector<Metric> all = {
      crossing_metric(),
      mean_loss_metric(),
  };
  return all;
}

}  // namespace lockstep::train
