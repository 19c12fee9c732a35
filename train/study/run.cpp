#include "train/study/run.h"

#include <bit>
#include <chrono>
#include <cmath>
#include <map>

#include "core/error.h"
#include "core/runtime/memory.h"
#include "train/training/training.h"

namespace lockstep::train {

namespace {

// FNV-1a over the bits of numbers.
class Fingerprint {
 public:
  void add(double value) {
    std::uint64_t bits = std::bit_cast<std::uint64_t>(value);
    for (int i = 0; i < 8; ++i, bits >>= 8) hash_ = (hash_ ^ (bits & 0xff)) * 0x100000001b3U;
  }
  std::uint64_t value() const { return hash_; }

 private:
  std::uint64_t hash_ = 0xcbf29ce484222325U;
};

// All weights in the order of logical names, so that both storages give them in the same order. Last come the
// key biases: they cancel in the softmax, so their gradient is rounding noise, which Adam blows up to full
// steps.
LogicalWeights logical_weights(const ParameterList& parameters) {
  std::map<std::string, std::vector<double>> parts, key_biases;
  for (const Parameter& parameter : parameters) {
    if (!parameter.trainable) continue;
    for (const RowRange& range : row_ranges(parameter, Granularity::part)) {
      (range.name.ends_with(".k.bias") ? key_biases : parts)[range.name] =
          rows(parameter.tensor, range).to_vector();
    }
  }
  LogicalWeights all;
  for (const auto& [name, values] : parts) all.values.insert(all.values.end(), values.begin(), values.end());
  for (const auto& [name, values] : key_biases) {
    all.values.insert(all.values.end(), values.begin(), values.end());
    all.key_biases += static_cast<std::int64_t>(values.size());
  }
  return all;
}

}  // namespace

std::optional<RunResult> run_arm(const Arm& arm, const ExperimentConfig& experiment, std::int64_t seed,
                                 const std::atomic<bool>& stop, const std::function<void()>& on_step) {
  const auto start = std::chrono::steady_clock::now();
  release_cached();  // the run before had other sizes: another precision, another model
  RunConfig config = arm.run;
  config.seed = seed;
  Training training(config, arm.redraw);
  RunResult result;
  for (const Parameter& parameter : training.model().parameters()) {
    if (parameter.trainable) result.parameters += parameter.tensor.numel();
  }
  while (training.steps_done() < config.steps) {
    if (stop) return std::nullopt;
    const std::int64_t done = training.steps_done();
    if (!arm.weights_partner.empty() && done == experiment.curve_steps)
      result.weights = logical_weights(training.model().parameters());
    const double loss = training.step();
    on_step();
    if (!std::isfinite(loss)) {
      check(done > 0, "arm {} with seed {}: the loss is {} before the first update: no training can start so",
            arm.name, seed, loss);
      result.diverged = true;
      break;
    }
    result.losses.push_back(loss);
    check(
        done > 0 || loss >= experiment.threshold,
        "threshold = {} lies above the very first training loss, {:.4f}: there is nothing to count; choose a "
        "smaller one",
        experiment.threshold, loss);
    if (!result.steps && loss < experiment.threshold) result.steps = done;
    if ((result.steps || arm.weights_only) && done >= experiment.curve_steps) break;
  }
  Fingerprint fingerprint;
  for (const double loss : result.losses) fingerprint.add(loss);
  for (const double weight : logical_weights(training.model().parameters()).values) fingerprint.add(weight);
  result.fingerprint = fingerprint.value();
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

void settle_weights(RunResult& run, RunResult& partner) {
  const std::vector<double>&a = run.weights.values, &b = partner.weights.values;
  if (a.empty() || a.size() != b.size()) return;
  const std::size_t without_key_biases = a.size() - static_cast<std::size_t>(run.weights.key_biases);
  double apart = 0, size = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (i == without_key_biases) run.weight_distance = std::sqrt(apart / size);
    apart += (a[i] - b[i]) * (a[i] - b[i]);
    size += b[i] * b[i];
  }
  run.distance_with_key_biases = std::sqrt(apart / size);
  if (!run.weight_distance) run.weight_distance = run.distance_with_key_biases;
  partner.weight_distance = run.weight_distance;
  partner.distance_with_key_biases = run.distance_with_key_biases;
  run.weights = {};
  partner.weights = {};
}

}  // namespace lockstep::train
