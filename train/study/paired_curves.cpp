#include "train/study/paired_curves.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <optional>

#include "train/statistics/band.h"

namespace lockstep::train {

namespace {

using Pairs = std::vector<std::pair<const RunResult*, const RunResult*>>;

Pairs pairs_of(const PlannedContrast& contrast, const ExperimentRuns& runs) {
  Pairs pairs;
  for (const auto& [seed, run] : runs.of(contrast.a)) {
    const auto other = runs.of(contrast.b).find(seed);
    if (other != runs.of(contrast.b).end()) pairs.emplace_back(run, other->second);
  }
  return pairs;
}

// One run's numbers over the steps.
struct Curve {
  std::vector<std::int64_t> steps;
  std::vector<double> values;
};

Curve loss_of(const RunResult& run) {
  Curve curve{.values = run.losses};
  for (std::int64_t step = 0; step < std::ssize(run.losses); ++step) curve.steps.push_back(step);
  return curve;
}

Curve column_of(const RunResult& run, const std::string& probe, const std::string& name) {
  Curve curve;
  const auto found = run.measured.find(probe);
  if (found == run.measured.end()) return curve;
  const Series& series = found->second.series;
  const auto column = static_cast<std::size_t>(std::ranges::find(series.names, name) - series.names.begin());
  if (column == series.names.size()) return curve;
  curve.steps = series.steps;
  for (std::size_t i = 0; i < series.steps.size(); ++i)
    curve.values.push_back(series.values[i * series.names.size() + column]);
  return curve;
}

using CurveOf = std::function<Curve(const RunResult&)>;

// With its band, as far as the curves of all pairs go. Nothing where they have no points in common.
std::optional<PairedCurve> paired_curve(const Pairs& pairs, const CurveOf& curve_of) {
  std::vector<std::pair<Curve, Curve>> curves;
  std::size_t points = SIZE_MAX;
  for (const auto& [a, b] : pairs) {
    const auto& [first, second] = curves.emplace_back(curve_of(*a), curve_of(*b));
    points = std::min({points, first.values.size(), second.values.size()});
  }
  if (points == 0 || curves.empty()) return std::nullopt;
  std::vector<double> differences, mean_a(points);
  for (const auto& [a, b] : curves) {
    for (std::size_t s = 0; s < points; ++s) {
      differences.push_back(b.values[s] - a.values[s]);
      mean_a[s] += a.values[s] / static_cast<double>(curves.size());
    }
  }
  if (!std::ranges::all_of(differences, [](double d) { return std::isfinite(d); })) return std::nullopt;
  Band band = simultaneous_band(differences, points);
  const std::vector<std::int64_t>& steps = curves.front().first.steps;
  PairedCurve paired;
  for (std::size_t s = 0; s < points && !paired.parting; ++s) {
    if (band.low[s] > 0 || band.high[s] < 0)
      paired.parting = {.step = steps[s], .percent = 100 * band.mean[s] / std::abs(mean_a[s])};
  }
  paired.difference = {.name = "B - A",
                       .step = {steps.begin(), steps.begin() + std::ptrdiff_t(points)},
                       .middle = std::move(band.mean),
                       .low = std::move(band.low),
                       .high = std::move(band.high)};
  return paired;
}

}  // namespace

std::vector<PairedCurve> paired_curves(const PlannedContrast& contrast, const ExperimentView& experiment) {
  const Pairs pairs = pairs_of(contrast, experiment.runs);
  std::vector<PairedCurve> all;
  const auto add = [&](const std::string& measured, const std::string& name, const std::string& unit,
                       const CurveOf& curve_of) {
    std::optional<PairedCurve> paired = paired_curve(pairs, curve_of);
    if (!paired) return;
    paired->measured = measured;
    paired->name = name;
    paired->unit = unit;
    all.push_back(std::move(*paired));
  };
  if (pairs.empty()) return all;
  add("loss", "", "nats", loss_of);
  for (const ProbeKind& kind : probes()) {
    if (kind.compare) continue;
    const auto found = pairs.front().first->measured.find(kind.key);
    if (found == pairs.front().first->measured.end()) continue;
    for (const std::string& name : found->second.series.names) {
      add(kind.label, name, kind.unit, [&](const RunResult& run) { return column_of(run, kind.key, name); });
    }
  }
  std::ranges::stable_sort(all, {}, [](const PairedCurve& curve) {
    return curve.parting ? curve.parting->step : std::numeric_limits<long long>::max();
  });
  return all;
}

}  // namespace lockstep::train
