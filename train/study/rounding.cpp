#include "train/study/rounding.h"

#include "core/error.h"
#include "train/statistics/describe.h"
#include "train/text/numbers.h"

namespace lockstep::train {

namespace {

// Rounding errors are proportional to the precision: in f64 the distance must be smaller by about 2^29, the
// ratio of the two precisions. Less than this says that something else differs as well; studies saw 1e8 to
// 1e9.
constexpr double least_shrinkage = 1e6;

}  // namespace

std::string rounding_note(const Design& design, const ExperimentConfig& config, const ExperimentRuns& runs) {
  const auto distances = [&](ArmRole role, const char* name) {
    for (const Arm& arm : design.arms) {
      if (arm.role == role) return runs.measured(arm.name, "weight_distance", name);
    }
    return std::vector<double>{};
  };
  const auto with_key_biases = [&](ArmRole role) {
    return summarize(distances(role, "with key biases")).median;
  };
  const std::vector<double> in_f32 = distances(ArmRole::combined, "all"),
                            in_f64 = distances(ArmRole::combined_f64, "all");
  if (in_f32.empty()) return {};
  const Summary apart = summarize(in_f32);
  std::string note = fmt::format(
      "relative difference of all weights after {} steps: median {:.1e} ({:.1e} to {:.1e}), {:.1e} with the "
      "key biases, whose gradient is rounding noise",
      config.curve_steps, apart.median, apart.min, apart.max, with_key_biases(ArmRole::combined));
  if (in_f64.empty() || apart.median == 0) return note;
  const double shrunk = summarize(in_f64).median;
  note += fmt::format("; in f64 {:.1e} and {:.1e} ({})", shrunk, with_key_biases(ArmRole::combined_f64),
                      count(static_cast<long long>(in_f64.size()), "seed"));
  return note + (shrunk * least_shrinkage < apart.median
                     ? fmt::format(", {:.0e} times smaller: rounding and nothing else", apart.median / shrunk)
                     : ": it does not shrink with the precision, so something other than rounding differs");
}

}  // namespace lockstep::train
