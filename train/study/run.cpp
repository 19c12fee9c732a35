#include "train/study/run.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "core/error.h"
#include "core/runtime/memory.h"
#include "train/probes/logical_weights.h"
#include "train/study/metric.h"
#include "train/text/clock.h"

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

// Whether the training has shown what it is for. At a tuned rate that is the primary metric alone; else
// probes look until step curve_steps.
bool is_known(const Arm& arm, std::span<const double> losses, const ExperimentConfig& experiment) {
  if (!arm.at_rate_of.empty()) return primary_metric(experiment).known(losses, experiment);
  if (std::ssize(losses) <= experiment.curve_steps) return false;
  return info(arm.role).for_probes_alone ||
         std::ranges::all_of(metrics(), [&](const Metric& m) { return m.known(losses, experiment); });
}

bool is_known_or_hopeless(std::span<const double> losses, const ExperimentConfig& experiment,
                          double give_up_above) {
  const Metric& metric = primary_metric(experiment);
  if (metric.known(losses, experiment)) return true;
  return metric.at_least && metric.at_least(losses, experiment) > give_up_above;
}

}  // namespace

std::optional<RunResult> run_arm(const Arm& arm, const ExperimentConfig& experiment, std::int64_t seed,
                                 Device device, const std::atomic<bool>& stop,
                                 const std::function<void()>& on_step, double give_up_above) {
  const double start = monotonic_seconds();
  release_cached();  // the run before had other sizes: another precision, another model
  RunConfig config = arm.run;
  config.seed = seed;
  Training training(config, device, arm.redraw);
  const bool tuning = is_tuning_seed(seed, experiment);
  std::optional<ProbeSet> probes;
  if (!tuning) probes.emplace(ProbePlan{experiment.curve_steps, !arm.partner.empty(), experiment.probes});
  RunResult result;
  for (const Parameter& parameter : training.model().parameters()) {
    if (parameter.trainable) result.parameters += parameter.tensor.numel();
  }
  const auto is_done = [&] {
    return tuning ? is_known_or_hopeless(result.losses, experiment, give_up_above)
                  : is_known(arm, result.losses, experiment);
  };
  while (training.steps_done() < config.steps && !is_done()) {
    if (stop) return std::nullopt;
    const bool first = training.steps_done() == 0;
    const double loss = training.step(probes ? &*probes : nullptr);
    on_step();
    if (!std::isfinite(loss)) {
      check(!first, "arm {} with seed {}: the loss is {} before the first update: no training can start so",
            arm.name, seed, loss);
      result.diverged = true;
      break;
    }
    result.losses.push_back(loss);
    check(
        !first || loss >= experiment.threshold,
        "threshold = {} lies above the very first training loss, {:.4f}: there is nothing to count; choose a "
        "smaller one",
        experiment.threshold, loss);
  }
  if (probes) result.measured = probes->measured();
  Fingerprint fingerprint;
  for (const double loss : result.losses) fingerprint.add(loss);
  const LogicalWeights weights = logical_weights(training.model().parameters());
  for (const double weight : weights.values) fingerprint.add(weight);
  for (const double weight : weights.key_biases) fingerprint.add(weight);
  result.fingerprint = fingerprint.value();
  result.seconds = monotonic_seconds() - start;
  return result;
}

}  // namespace lockstep::train
