#include "train/probes/attention_look.h"

#include "core/autograd.h"
#include "nn/mode.h"
#include "nn/trace.h"

namespace lockstep::train {

std::vector<AttentionLook> look_at_attention(const Training& training) {
  constexpr std::int64_t inputs = 16;
  const NoGrad no_grad;
  const nn::EvaluationMode mode;
  const nn::Trace trace({"*.attn.weights", "*.attn.scores"});
  const RunConfig& config = training.config();
  const auto task = data::make_task(config.task, static_cast<std::uint64_t>(config.seed));
  const data::Batch batch = task->validation(0, inputs);
  training.model().logits(training.inputs_of(batch));
  std::vector<AttentionLook> looks;
  for (const std::string& name : trace.names()) {
    constexpr std::string_view end = ".weights";
    if (!name.ends_with(end)) continue;
    AttentionLook& look = looks.emplace_back();
    look.layer = name.substr(0, name.size() - end.size());
    look.heads = trace[name].size(1);
    look.keys = trace[name].size(3);
    look.causal = task->shape().causal && !task->shape().images;
    look.weights = trace[name].to_vector();
    look.scores = trace[look.layer + ".scores"].to_vector();
    if (task->shape().images) continue;
    for (const double token : batch.inputs.to_vector())
      look.tokens.push_back(static_cast<std::int64_t>(token));
  }
  return looks;
}

}  // namespace lockstep::train
