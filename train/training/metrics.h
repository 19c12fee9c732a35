#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/files/hdf5.h"

namespace lockstep::train {

// Loss (mean cross entropy, nats) and the share of targets that come out right, over the validation batches.
struct Evaluation {
  double loss = 0;
  double accuracy = 0;  // 0 to 1
};

struct Validation {
  std::int64_t step = 0;  // steps done before it
  Evaluation result;
  double seconds = 0;  // of training and validation until then, over all sittings
};

// What one training has shown so far. It travels in the checkpoint, so that metrics.csv and metrics.h5 of a
// run that was interrupted are those of one that was not.
struct Metrics {
  std::vector<double> training_loss;  // of every step, before its update
  std::vector<Validation> validations;
  double seconds = 0;  // so far

  // Mean training loss of the steps since the validation before number `index`; NaN where there was none.
  double mean_training_loss(std::size_t index) const;
};

// Columns: step, training_loss (mean since the row before), validation_loss, validation_accuracy, seconds. An
// empty cell for what is not known.
std::string to_csv(const Metrics& metrics);

// As data sets with their units in attributes: training_loss (steps), validation_step, validation_loss,
// validation_accuracy, validation_seconds (validations); and back. Throws for lists that do not fit together.
void write_metrics(h5::Group& group, const Metrics& metrics);
Metrics read_metrics(const h5::Group& group);

}  // namespace lockstep::train
