#pragma once

#include <vector>

#include "train/training/training.h"

// Whether two trained models lie in one valley of the loss.
namespace lockstep::train {

struct LossBarrier {
  std::vector<double> losses;  // validation loss at (1 - alpha) a + alpha b, alpha = 0, 1/n, ... 1
  double height = 0;           // the largest of them above the mean of the two ends, at least 0
};

// On the straight line between the weights of two trainings of the same model and task, in `parts` steps;
// either storage. Frankle et al. 2020, arXiv:1912.05671.
LossBarrier loss_barrier(const Training& a, const Training& b, int parts = 10);

}  // namespace lockstep::train
