#include "train/run.h"

#include <bit>
#include <chrono>
#include <cmath>
#include <map>

#include "train/training.h"

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

// All weights in the order of logical names, so that both storages give them in the same order. The key bias
// cancels in the softmax and is left out.
std::vector<double> logical_weights(const ParameterList& parameters) {
  std::map<std::string, std::vector<double>> parts;
  for (const Parameter& parameter : parameters) {
    if (!parameter.trainable) continue;
    for (const Block& block : blocks(parameter, Granularity::part)) {
      if (!block.name.ends_with(".k.bias")) parts[block.name] = rows(parameter.tensor, block).to_vector();
    }
  }
  std::vector<double> all;
  for (const auto& [name, values] : parts) all.insert(all.end(), values.begin(), values.end());
  return all;
}

}  // namespace

std::optional<RunResult> run_arm(const Arm& arm, const ExperimentConfig& experiment, std::int64_t seed,
                                 const std::atomic<bool>& stop, const std::function<void()>& on_step) {
  const auto start = std::chrono::steady_clock::now();
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
      result.diverged = true;
      break;
    }
    result.losses.push_back(loss);
    if (!result.steps && loss < experiment.threshold) result.steps = done;
    if ((result.steps || arm.weights_only) && done >= experiment.curve_steps) break;
  }
  Fingerprint fingerprint;
  for (const double loss : result.losses) fingerprint.add(loss);
  for (const double weight : logical_weights(training.model().parameters())) fingerprint.add(weight);
  result.fingerprint = fingerprint.value();
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

void settle_weights(RunResult& run, RunResult& partner) {
  if (run.weights.empty() || run.weights.size() != partner.weights.size()) return;
  double apart = 0, size = 0;
  for (std::size_t i = 0; i < run.weights.size(); ++i) {
    const double difference = run.weights[i] - partner.weights[i];
    apart += difference * difference;
    size += partner.weights[i] * partner.weights[i];
  }
  run.weight_distance = partner.weight_distance = std::sqrt(apart / size);
  run.weights = partner.weights = {};
}

}  // namespace lockstep::train
