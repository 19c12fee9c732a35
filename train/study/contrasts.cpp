#include "train/study/contrasts.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "train/config/optimizer.h"
#include "train/statistics/anytime.h"
#include "train/statistics/describe.h"
#include "train/statistics/verdict.h"
#include "train/study/paired_curves.h"
#include "train/study/rate_effects.h"
#include "train/study/rounding.h"

namespace lockstep::train {

namespace {

// "; by part with updates of q, k, v x 1, 2, 0.707"; nothing where all factors are 1.
std::string factors_in_words(const RunConfig& run) {
  const auto words = [](const char* what, double q, double k, double v) {
    return q == 1 && k == 1 && v == 1
               ? ""
               : fmt::format("; by part with {} of q, k, v x {}, {}, {}", what, q, k, v);
  };
  return words("first weights", run.q_gain, run.k_gain, run.v_gain) +
         words("updates", run.q_rate, run.k_rate, run.v_rate);
}

std::string scope_of(const PlannedContrast& planned, const Design& design) {
  const Arm* const a = arm_named(design, planned.a);
  if (!a) return "";
  const std::string scope = scope_of(a->run);
  if (!planned.is_tuned()) return scope;
  const std::string factors = factors_in_words(a->run);
  if (planned.shared_rate) return scope + ", the best for both together";
  const double rate_b = arm_named(design, planned.b)->run.*learning_rate_of(a->run.optimizer);
  if (rate_b == a->run.*learning_rate_of(a->run.optimizer)) return scope + ", the best for either" + factors;
  return fmt::format("{} against {}, each at its own best{}", scope, rate_b, factors);
}

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
                    .metric_key = metric.key,
                    .unit = metric.unit,
                    .more = metric.more,
                    .less = metric.less};
  contrast.scope = scope_of(planned, design);
  contrast.primary = metric.key == config.primary;
  contrast.held_equal = planned.held_equal;
  contrast.note = planned.not_measurable;
  return contrast;
}

void fill(Contrast& contrast, const PairedSample& pairs) {
  contrast.pairs = static_cast<int>(pairs.differences.size());
  contrast.censored = static_cast<int>(pairs.censored);
  contrast.diverged = static_cast<int>(pairs.diverged);
  contrast.differences = pairs.differences;
  contrast.values_a = pairs.values_a;
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

RateSlope slope_of(const Finding& finding) {
  return {.percent = finding.difference.mean,
          .low = finding.interval.lower,
          .high = finding.interval.upper,
          .p_adjusted = finding.adjusted.different,
          .depends = finding.verdict == Verdict::different};
}

// A contrast at tuned rates that differs the other way round than at the declared one depends on it as well.
void mark_turned_round(std::vector<Contrast>& contrasts) {
  const Contrast* declared = nullptr;
  for (Contrast& contrast : contrasts) {
    if (!contrast.primary) continue;
    if (contrast.slope && declared && declared->verdict == Verdict::different &&
        contrast.verdict == Verdict::different && declared->effect * contrast.effect < 0)
      contrast.slope->depends = true;
    declared = &contrast;
  }
}

// All tests of a study, and the contrasts that they are of.
class Family {
 public:
  void add(std::size_t experiment, std::size_t contrast, Comparison comparison, bool is_slope = false) {
    members_.push_back(std::move(comparison));
    places_.push_back({experiment, contrast, is_slope});
  }

  void judge_into(std::vector<std::vector<Contrast>>& all, bool anytime) const {
    const std::vector<Finding> findings = anytime ? judge_anytime(members_) : judge(members_);
    for (std::size_t i = 0; i < places_.size(); ++i) {
      Contrast& contrast = all[places_[i].experiment][places_[i].contrast];
      if (places_[i].is_slope) {
        contrast.slope = slope_of(findings[i]);
      } else {
        fill(contrast, members_[i], findings[i]);
      }
    }
  }

 private:
  struct Place {
    std::size_t experiment, contrast;
    bool is_slope;
  };
  std::vector<Comparison> members_;
  std::vector<Place> places_;
};

}  // namespace

std::string scope_of(const RunConfig& run) {
  if (run.optimizer == "muon")
    return fmt::format("muon at learning rate {} beside adam at {}", run.matrix_lr, run.lr);
  return fmt::format("{} at learning rate {}", run.optimizer, run.lr);
}

std::vector<std::vector<Contrast>> judged(std::span<const ExperimentView> experiments) {
  std::vector<std::vector<Contrast>> all;
  Family family;
  const bool anytime = !experiments.empty() && experiments.front().config.stopping == "decided";
  std::size_t tests = 0;
  for (const ExperimentView& experiment : experiments) tests += tests_in(experiment.design);
  const auto fewest = static_cast<std::int64_t>(fewest_to_decide(std::max<std::size_t>(tests, 1)));
  for (const ExperimentView& experiment : experiments) {
    const auto& [config, design, runs, tuning_runs] = experiment;
    std::vector<Contrast>& contrasts = all.emplace_back();
    for (const PlannedContrast& planned : design.contrasts) {
      for (const Metric* metric : metrics_of(config)) {
        const bool primary = metric->key == config.primary, measurable = planned.not_measurable.empty();
        if (!primary && (!measurable || planned.is_tuned() || anytime)) continue;
        Contrast& contrast = contrasts.emplace_back(described(planned, *metric, design, config));
        if (planned.cause == Cause::rounding && primary) contrast.note = rounding_note(design, config, runs);
        if (!measurable) {
          contrast.verdict = std::nullopt;
          continue;
        }
        const PairedSample pairs = runs.pairs(planned.a, planned.b, *metric);
        if (!is_tested(planned)) {
          fill_spread(contrast, pairs);
          continue;
        }
        const auto add = [&](const PairedSample& sample, double margin, bool is_slope) {
          family.add(all.size() - 1, contrasts.size() - 1, {sample, margin, !is_slope}, is_slope);
        };
        const PairedSample base = anytime ? runs.pairs(planned.a, planned.b, *metric, fewest) : pairs;
        add(pairs, base.mean_a * config.margin / 100, false);
        if (primary && !planned.is_tuned()) contrast.paired_curves = paired_curves(planned, experiment);
        if (!planned.is_tuned()) continue;
        contrast.rates = rate_effects(planned, *metric, experiment);
        const std::vector<double> slopes = slopes_over_rates(planned, *metric, experiment);
        if (!slopes.empty()) add({.differences = slopes}, config.margin, true);
      }
    }
  }
  family.judge_into(all, anytime);
  for (std::vector<Contrast>& contrasts : all) mark_turned_round(contrasts);
  return all;
}

}  // namespace lockstep::train
