#include "train/bench/model.h"

#include "core/autograd.h"
#include "core/ops/losses.h"
#include "core/random/random_tensors.h"
#include "train/text/nearest.h"

namespace lockstep::train {

namespace {

nn::DecoderOnlyTransformerOptions network_options(const BenchModel& model, bool combined) {
  nn::DecoderOnlyTransformerOptions options = nn::copy_task_model();
  options.num_tokens = model.vocabulary;
  options.max_seq_len = model.tokens;
  options.attn_layers_dim = model.width;
  options.attn_layers_depth = static_cast<int>(model.layers);
  options.attn_layers_heads = static_cast<int>(model.heads);
  options.use_combined_linear = combined;
  return options;
}

const BenchModel& checked(const BenchModel& model) {
  for (const std::int64_t size :
       {model.vocabulary, model.tokens, model.width, model.heads, model.layers, model.batch}) {
    check(size > 0,
          "[bench] expected positive sizes, got {}: see --vocabulary, --tokens, --width, --heads, "
          "--layers and --batch",
          size);
  }
  return model;
}

}  // namespace

const std::vector<BenchModel>& reference_models() {
  static const std::vector<BenchModel> models = {
      {"toy", 113, 3, 128, 4, 1, 512},
      {"copy", 16, 32, 64, 4, 2, 64},
      {"char", 65, 64, 128, 4, 4, 12},
      {"baby", 65, 256, 384, 6, 6, 8},
  };
  return models;
}

BenchModel reference_model(const std::string& name) {
  std::vector<std::string> known;
  for (const BenchModel& model : reference_models()) {
    if (model.name == name) return model;
    known.push_back(model.name);
  }
  const std::string near = nearest(name, known);
  fail("[bench] there is no model \"{}\"{}: expected toy, copy, char or baby", name,
       near.empty() ? "" : fmt::format(" (did you mean {}?)", near));
}

BenchTraining::BenchTraining(const BenchModel& model, bool combined, Device device)
    : root_(Seed{0}, {.device = device}),
      network_(root_, network_options(checked(model), combined)),
      adam_(root_.parameters(), {.lr = 1e-3, .weight_decay = 0.01}),
      inputs_(moved(randint(0, model.vocabulary, {model.batch, model.tokens}), device)),
      targets_(moved(randint(0, model.vocabulary, {model.batch, model.tokens}), device)) {}

Tensor BenchTraining::forward() const { return cross_entropy(network_(inputs_), targets_); }

void BenchTraining::gradients(const Tensor& loss) { backward(loss); }

}  // namespace lockstep::train
