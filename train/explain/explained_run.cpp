#include "train/explain/explained_run.h"

#include <algorithm>

#include "core/error.h"
#include "train/training/checkpoint.h"

namespace lockstep::train {

namespace {

std::filesystem::path checkpoint_of(const std::filesystem::path& place) {
  check(std::filesystem::exists(place),
        "{} does not exist: expected a folder of lockstep train, or a checkpoint in it", place.string());
  return std::filesystem::is_directory(place) ? place / "checkpoint.h5" : place;
}

RunConfig in_f64(RunConfig config) {
  config.precision = "f64";
  return config;
}

}  // namespace

ExplainedRun::ExplainedRun(const std::filesystem::path& place)
    : name_(place.string()),
      config_(Checkpoint(checkpoint_of(place).string()).config()),
      training_(in_f64(config_)) {
  const std::filesystem::path file = checkpoint_of(place);
  const Checkpoint checkpoint(file.string());
  metrics_ = checkpoint.metrics();
  const std::int64_t last = checkpoint.steps_done();
  for (const KeptWeights& kept : kept_weights(file.parent_path()))
    if (kept.step < last) steps_.push_back(kept);
  steps_.push_back({last, file});
}

void ExplainedRun::go_to(const KeptWeights& step) {
  const std::string file = step.file.string();
  data::load(weights_of(file), training_.model().parameters(), {}, file);
}

ParameterList ExplainedRun::parameters() const {
  ParameterList trained = training_.model().parameters();
  std::erase_if(trained, [](const Parameter& parameter) { return !parameter.trainable; });
  const auto apart = [](const Parameter& p) { return p.name.find(".attn.to_") != std::string::npos; };
  for (auto first = trained.begin(); (first = std::find_if(first, trained.end(), apart)) != trained.end();) {
    const auto last = std::find_if_not(first, trained.end(), apart);
    std::stable_partition(first, last, [](const Parameter& p) { return p.name.ends_with(".weight"); });
    first = last;
  }
  return trained;
}

std::int64_t ExplainedRun::weight_count() const {
  std::int64_t count = 0;
  for (const Parameter& parameter : parameters()) count += parameter.tensor.numel();
  return count;
}

void check_pair(const ExplainedRun& a, const ExplainedRun& b) {
  std::string differing;
  const auto compare = [&](const char* key, const auto& of_a, const auto& of_b) {
    if (of_a != of_b)
      differing += fmt::format("{}{}: {}, {}", differing.empty() ? "" : "; ", key, of_a, of_b);
  };
  const RunConfig &one = a.config(), &other = b.config();
  compare("task", one.task, other.task);
  compare("layers", one.layers, other.layers);
  compare("width", one.width, other.width);
  compare("heads", one.heads, other.heads);
  compare("mlp", one.mlp, other.mlp);
  check(differing.empty(),
        "{} and {} cannot stand side by side, for they differ in {}: a pair is of one task and one size of "
        "model",
        a.name(), b.name(), differing);
}

}  // namespace lockstep::train
