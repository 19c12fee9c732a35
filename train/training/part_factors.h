#pragma once

#include <utility>
#include <vector>

#include "core/parameter.h"
#include "train/config/config.h"

namespace lockstep::train {

// Multiplies the first weights of q, of k and of v by config.q_gain, k_gain and v_gain. Biases stay.
void scale_first_weights(const RunConfig& config, const ParameterList& parameters);

// Makes the updates of q, of k and of v, weights and biases, config.q_rate, k_rate and v_rate times as large,
// whatever the rule. Does nothing, and keeps nothing, where all are 1.
class PartRates {
 public:
  PartRates(const RunConfig& config, const ParameterList& parameters);
  void before_update();
  void after_update() const;

 private:
  struct Part {
    Tensor rows, before;  // rows: a view of the parameter
    double rate;
  };
  std::vector<Part> parts_;
};

}  // namespace lockstep::train
