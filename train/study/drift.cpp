#include "train/study/drift.h"

#include "train/statistics/describe.h"

namespace lockstep::train {

std::vector<BandCurve> storage_drift(const Design& design, const ExperimentRuns& runs) {
  std::vector<BandCurve> curves;
  for (const Arm& arm : design.arms) {
    if (arm.role != ArmRole::combined && arm.role != ArmRole::combined_f64) continue;
    if (!arm.at_rate_of.empty()) continue;
    std::map<std::int64_t, std::vector<double>> at;  // step -> a value for each seed
    for (const auto& [seed, run] : runs.of(arm.name)) {
      const auto found = run->measured.find("weight_drift");
      if (found == run->measured.end()) continue;
      const Series& series = found->second.series;
      for (std::size_t i = 0; i < series.steps.size(); ++i) at[series.steps[i]].push_back(series.values[i]);
    }
    if (at.empty()) continue;
    BandCurve& curve = curves.emplace_back(BandCurve{.name = arm.run.precision});
    for (const auto& [step, values] : at) {
      const Summary s = summarize(values);
      curve.step.push_back(static_cast<double>(step));
      curve.middle.push_back(s.median);
      curve.low.push_back(s.min);
      curve.high.push_back(s.max);
    }
  }
  return curves;
}

}  // namespace lockstep::train
