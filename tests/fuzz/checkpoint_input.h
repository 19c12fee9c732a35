#pragma once

#include "tests/fuzz/weights_input.h"
#include "train/training/checkpoint.h"

namespace lockstep::train {

// Takes any bytes as a checkpoint. It is refused with an Error, or all of it can be read. Returns whether it
// was accepted.
inline bool try_checkpoint(std::span<const std::byte> bytes) {
  const InputFile file(bytes, ".h5");
  try {
    if (!is_checkpoint(file.path())) return false;
    const Checkpoint checkpoint(file.path());
    const RunConfig config = checkpoint.config();
    const Metrics metrics = checkpoint.metrics();
    to_csv(metrics);
    checkpoint.steps_done();
    for (const data::StoredTensor& tensor : checkpoint.weights()) {
      if (tensor.problem.empty()) tensor.bytes();
    }
    return config.steps > 0;
  } catch (const Error&) {
    return false;
  }
}

}  // namespace lockstep::train
