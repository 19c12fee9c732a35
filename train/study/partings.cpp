#include "train/study/partings.h"

#include <algorithm>
#include <cmath>
#include <functional>
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

// The paired differences of curves, as far as all of them go.
struct Differences {
  std::vector<std::int64_t> steps;
  std::vector<double> mean_a;
  Band band;
};

std::optional<Differences> differences_of(const Pairs& pairs, const CurveOf& curve_of) {
  std::vector<std::pair<Curve, Curve>> curves;
  std::size_t points = SIZE_MAX;
  for (const auto& [a, b] : pairs) {
    const auto& [first, second] = curves.emplace_back(curve_of(*a), curve_of(*b));
    points = std::min({points, first.values.size(), second.values.size()});
  }
  if (points == 0 || curves.empty()) return std::nullopt;
  Differences found{.steps = curves.front().first.steps, .mean_a = std::vector<double>(points), .band = {}};
  found.steps.resize(points);
  std::vector<double> differences;
  for (const auto& [a, b] : curves) {
    for (std::size_t s = 0; s < points; ++s) {
      differences.push_back(b.values[s] - a.values[s]);
      found.mean_a[s] += a.values[s] / static_cast<double>(curves.size());
    }
  }
  if (!std::ranges::all_of(differences, [](double d) { return std::isfinite(d); })) return std::nullopt;
  found.band = simultaneous_band(differences, points);
  return found;
}

std::optional<Parting> first_parting(const std::string& what, const Pairs& pairs, const CurveOf& curve_of) {
  const std::optional<Differences> found = differences_of(pairs, curve_of);
  if (!found) return std::nullopt;
  const Band& band = found->band;
  for (std::size_t s = 0; s < found->steps.size(); ++s) {
    if (band.low[s] > 0 || band.high[s] < 0)
      return Parting{what, found->steps[s], 100 * band.mean[s] / std::abs(found->mean_a[s])};
  }
  return std::nullopt;
}

}  // namespace

std::vector<Parting> partings(const PlannedContrast& contrast, const ExperimentView& experiment) {
  const Pairs pairs = pairs_of(contrast, experiment.runs);
  std::vector<Parting> all;
  const auto add = [&](const std::string& what, const CurveOf& curve_of) {
    if (const auto parting = first_parting(what, pairs, curve_of)) all.push_back(*parting);
  };
  if (pairs.empty()) return all;
  add("the loss", loss_of);
  for (const ProbeKind& kind : probes()) {
    if (kind.compare) continue;  // says of two runs already how they differ
    const auto found = pairs.front().first->measured.find(kind.key);
    if (found == pairs.front().first->measured.end()) continue;
    for (const std::string& name : found->second.series.names) {
      add(kind.label + ", " + name, [&](const RunResult& run) { return column_of(run, kind.key, name); });
    }
  }
  std::ranges::stable_sort(all, {}, &Parting::step);
  return all;
}

BandCurve loss_apart(const PlannedContrast& contrast, const ExperimentView& experiment) {
  const std::optional<Differences> found = differences_of(pairs_of(contrast, experiment.runs), loss_of);
  if (!found) return {};
  return {.name = "B - A",
          .step = {found->steps.begin(), found->steps.end()},
          .middle = found->band.mean,
          .low = found->band.low,
          .high = found->band.high};
}

}  // namespace lockstep::train
