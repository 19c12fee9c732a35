#include "train/probes/residual_stream.h"

#include "core/autograd.h"
#include "nn/mode.h"
#include "nn/trace.h"

namespace lockstep::train {

std::vector<std::pair<std::string, Tensor>> residual_stream(const Training& training) {
  constexpr std::int64_t inputs = 16;
  const NoGrad no_grad;
  const nn::EvaluationMode mode;
  const nn::Trace trace({"embedding", "*.resid_post"});
  const RunConfig& config = training.config();
  const auto task = data::make_task(config.task, static_cast<std::uint64_t>(config.seed));
  training.model().logits(training.inputs_of(task->validation(0, inputs)));
  std::vector<std::pair<std::string, Tensor>> stream;
  for (const std::string& name : trace.names()) stream.emplace_back(name, trace[name]);
  return stream;
}

}  // namespace lockstep::train
