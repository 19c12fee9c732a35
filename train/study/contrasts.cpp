#include "train/study/contrasts.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "train/statistics/describe.h"
#include "train/statistics/verdict.h"
#include "train/study/rounding.h"

namespace lockstep::train {

namespace {

Contrast described(const PlannedContrast& planned, const Metric& metric, const Design& design,
                   const ExperimentConfig& config) {
  Contrast contrast{.cause = title_of(planned),
                    .meaning = meaning_of(planned),
                    .name = name_of(planned),
                    .rule = planned.rule,
                    .question = planned.question,
                    .arm_a = planned.a,
                    .arm_b = planned.b,
                    .metric = metric.label(config),
                    .unit = metric.unit,
                    .more = metric.more,
                    .less = metric.less};
  for (const Arm& arm : design.arms) {
    if (arm.name == planned.a) contrast.scope = scope_of(arm.run);
  }
  contrast.primary = is_tested(planned);
  contrast.held_equal = planned.held_equal;
  contrast.note = planned.not_measurable;
  return contrast;
}

void fill(Contrast& contrast, const PairedSample& pairs) {
  contrast.pairs = static_cast<int>(pairs.differences.size());
  contrast.censored = static_cast<int>(std::max(pairs.censored_a, pairs.censored_b));
  contrast.diverged = static_cast<int>(std::max(pairs.diverged_a, pairs.diverged_b));
  contrast.differences = pairs.differences;
  contrast.base = pairs.mean_a;
}

// Two exchangeable arms: d = b - a has mean 0, and twice the variance of one arm.
void fill_spread(Contrast& contrast, const PairedSample& pairs) {
  fill(contrast, pairs);
  contrast.verdict = std::nullopt;
  contrast.sd = summarize(pairs.differences).sd;
  contrast.spread = contrast.sd / std::sqrt(2.0);
}

void fill(Contrast& contrast, const Comparison& comparison, const Finding& finding) {
  fill(contrast, comparison.pairs);
  contrast.effect = finding.difference.mean;
  contrast.sd = finding.difference.sd;
  contrast.low = finding.interval.lower;
  contrast.high = finding.interval.upper;
  contrast.percent = 100 * contrast.effect / contrast.base;
  contrast.percent_low = 100 * contrast.low / contrast.base;
  contrast.percent_high = 100 * contrast.high / contrast.base;
  contrast.p = finding.p_different;
  contrast.p_adjusted = finding.adjusted.different;
  contrast.margin = comparison.margin;
  contrast.equivalence_p = finding.p_equivalent;
  contrast.equivalence_p_adjusted = finding.adjusted.equivalent;
  contrast.within_margin = finding.within_margin;
  contrast.further_seeds = finding.further ? static_cast<int>(finding.further->pairs) : 0;
  contrast.verdict = finding.verdict;
}

}  // namespace

std::string scope_of(const RunConfig& run) {
  if (run.optimizer == "muon")
    return fmt::format("muon at learning rate {} beside adam at {}", run.matrix_lr, run.lr);
  return fmt::format("{} at learning rate {}", run.optimizer, run.lr);
}

std::vector<std::vector<Contrast>> judged(std::span<const ExperimentView> experiments) {
  std::vector<std::vector<Contrast>> all;
  std::vector<Comparison> family;
  std::vector<std::pair<std::size_t, std::size_t>> places;  // of the family's members: experiment, contrast
  for (const auto& [config, design, runs] : experiments) {
    std::vector<Contrast>& contrasts = all.emplace_back();
    for (const PlannedContrast& planned : design.contrasts) {
      for (const Metric& metric : metrics()) {
        const bool first = &metric == &metrics().front(), measurable = planned.not_measurable.empty();
        if (!measurable && !first) continue;
        Contrast& contrast = contrasts.emplace_back(described(planned, metric, design, config));
        if (planned.cause == Cause::rounding && first) contrast.note = rounding_note(design, config, runs);
        if (!measurable) {
          contrast.verdict = std::nullopt;
          continue;
        }
        const PairedSample pairs =
            pair_by_seed(runs.outcomes(planned.a, metric), runs.outcomes(planned.b, metric));
        if (is_tested(planned)) {
          places.emplace_back(all.size() - 1, contrasts.size() - 1);
          family.push_back({pairs, pairs.mean_a * config.margin / 100});
        } else {
          fill_spread(contrast, pairs);
        }
      }
    }
  }
  const std::vector<Finding> findings = judge(family);
  for (std::size_t i = 0; i < places.size(); ++i) {
    const auto [experiment, contrast] = places[i];
    fill(all[experiment][contrast], family[i], findings[i]);
  }
  return all;
}

}  // namespace lockstep::train
