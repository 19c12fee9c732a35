#pragma once

#include <string>
#include <vector>

#include "train/explain/tape_graph.h"
#include "train/training/training.h"

namespace lockstep::train {

// A tensor and the loss's gradient with respect to it, in four numbers that another program can compare.
struct Recorded {
  std::string name;
  double sum = 0, norm = 0;  // over what is no mask; the norm is sqrt(sum of squares)
  double gradient_sum = 0, gradient_norm = 0;
};

// What Lockstep computes for a batch: the mean loss, every tensor that nn::Trace names, every parameter, and
// by which ops.
struct Record {
  double loss = 0;
  std::vector<Recorded> traced, parameters;
  std::vector<TapeOp> tape;
};

// Without dropout, for all positions, by a model in f64.
Record record(const Training& training, const data::Batch& batch);

}  // namespace lockstep::train
