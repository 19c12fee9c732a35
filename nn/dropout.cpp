#include "nn/dropout.h"

#include "core/ops/activations.h"
#include "nn/mode.h"

namespace lockstep::nn {

Dropout::Dropout(const Scope& scope, double rate_) : rate(rate_), path(scope.path()) {
  check(rate >= 0 && rate <= 1, "[Dropout] {}: expected a dropout rate in [0, 1], got {}", path, rate);
}

bool Dropout::is_active() const {
  if (rate == 0) return false;
  const Mode* mode = Mode::current();
  check(mode != nullptr,
        "[Dropout] {} has rate {}, and nothing says whether this is training: let an nn::TrainingMode(seed, "
        "step) or an nn::EvaluationMode live around the call",
        path, rate);
  return mode->is_training();
}

Tensor Dropout::operator()(const Tensor& x) const {
  if (!is_active()) return x;
  return dropout(x, rate, static_cast<TrainingMode*>(Mode::current())->dropout_stream(path));
}

}  // namespace lockstep::nn
