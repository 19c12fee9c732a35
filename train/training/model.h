#pragma once

#include <memory>

#include "core/parameter.h"
#include "data/tasks/task.h"
#include "train/config/config.h"

namespace lockstep::train {

// What a task needs of a network: logits for inputs, and its parameters.
class Model {
 public:
  virtual ~Model() = default;
  // Tokens i64 (B, T) -> (B, T - from, classes), those of the positions `from` ... T - 1; images
  // (B, 1, side, side) -> (B, classes).
  virtual Tensor logits(const Tensor& inputs, std::int64_t from = 0) const = 0;
  virtual const ParameterList& parameters() const = 0;
};

// A transformer for the task, initialised from config.seed. With `redraw`, the weights of q, k and v come
// from other random numbers of the same distribution.
std::unique_ptr<Model> make_model(const RunConfig& config, const data::TaskShape& shape, Device device,
                                  bool redraw);

}  // namespace lockstep::train
