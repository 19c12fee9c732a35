#include "train/study/rate_effects.h"

#include <algorithm>
#include <cmath>

#include "train/statistics/describe.h"
#include "train/statistics/sign_flip.h"

namespace lockstep::train {

namespace {

PairedSample pairs_at(const PlannedContrast::AtRate& at, const Metric& metric,
                      const ExperimentView& experiment) {
  const ExperimentRuns& runs = at.judged ? experiment.runs : experiment.tuning_runs;
  return runs.pairs(at.a, at.b, metric);
}

// The line's slope; `x` are centred.
double slope(const std::vector<double>& x, const std::vector<double>& y) {
  double products = 0, squares = 0;
  for (std::size_t i = 0; i < x.size(); ++i) products += x[i] * y[i], squares += x[i] * x[i];
  return products / squares;
}

}  // namespace

std::vector<RateEffect> rate_effects(const PlannedContrast& contrast, const Metric& metric,
                                     const ExperimentView& experiment) {
  std::vector<RateEffect> effects;
  for (const PlannedContrast::AtRate& at : contrast.rates) {
    const PairedSample pairs = pairs_at(at, metric, experiment);
    if (pairs.unfinished() > 0) continue;
    const double effect = summarize(pairs.differences).mean, percent = 100 / pairs.mean_a;
    const Interval interval = sign_flip_interval(pairs.differences);
    effects.push_back({.rate = at.rate,
                       .judged = at.judged,
                       .best_a = at.a == contrast.a,
                       .best_b = at.b == contrast.b,
                       .pairs = static_cast<int>(pairs.differences.size()),
                       .mean_a = pairs.mean_a,
                       .mean_b = pairs.mean_a + effect,
                       .percent = percent * effect,
                       .percent_low = percent * interval.lower,
                       .percent_high = percent * interval.upper});
  }
  return effects;
}

std::vector<double> slopes_over_rates(const PlannedContrast& contrast, const Metric& metric,
                                      const ExperimentView& experiment) {
  std::vector<double> x;
  std::vector<PairedSample> at_rates;
  std::size_t seeds = SIZE_MAX;  // that all of the rates have
  for (const PlannedContrast::AtRate& at : contrast.rates) {
    if (!at.judged) continue;
    const PairedSample& pairs = at_rates.emplace_back(pairs_at(at, metric, experiment));
    if (pairs.unfinished() > 0) return {};
    x.push_back(std::log2(at.rate));
    seeds = std::min(seeds, pairs.differences.size());
  }
  if (x.size() < 2) return {};
  const double mean = summarize(x).mean;
  for (double& value : x) value -= mean;
  std::vector<double> slopes;
  for (std::size_t i = 0; i < seeds; ++i) {
    std::vector<double> y;
    for (const PairedSample& pairs : at_rates) y.push_back(100 * pairs.differences[i] / pairs.mean_a);
    slopes.push_back(slope(x, y));
  }
  return slopes;
}

}  // namespace lockstep::train
