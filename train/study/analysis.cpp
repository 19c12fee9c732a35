#include "train/study/analysis.h"

#include <fmt/chrono.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <limits>

#include "core/error.h"
#include "core/processor.h"
#include "core/runtime/system.h"
#include "data/files/hdf5.h"
#include "train/report/verdict_summary.h"
#include "train/report/verdict_words.h"
#include "train/statistics/statistics.h"
#include "train/text/numbers.h"

namespace lockstep::train {

namespace {

// The runs of one experiment, and the metrics computed from them.
class Runs {
 public:
  Runs(std::size_t experiment, const ExperimentConfig& config, const RunResults& results) : config_(config) {
    for (const auto& [key, run] : results) {
      if (key.experiment == experiment) by_arm_[key.arm][key.seed] = &run;
    }
  }

  bool empty() const { return by_arm_.empty(); }
  // By seed; none for an arm that was not run.
  const std::map<std::int64_t, const RunResult*>& of(const std::string& arm) const {
    static const std::map<std::int64_t, const RunResult*> none;
    const auto found = by_arm_.find(arm);
    return found == by_arm_.end() ? none : found->second;
  }

  std::vector<Outcome> outcomes(const std::string& arm, const std::string& metric) const {
    std::vector<Outcome> list;
    for (const auto& [seed, run] : of(arm)) list.push_back(metric == "steps" ? steps(*run) : curve(*run));
    return list;
  }

 private:
  // Runs that never reach the threshold stand in with the limit.
  Outcome steps(const RunResult& run) const {
    if (run.steps) return {static_cast<double>(*run.steps)};
    return {static_cast<double>(config_.run.steps), run.diverged ? Ending::diverged : Ending::censored};
  }
  // The mean loss over the first curve_steps steps; after a divergence the loss stands in with its first
  // value.
  Outcome curve(const RunResult& run) const {
    double total = 0;
    for (std::int64_t i = 0; i < config_.curve_steps; ++i) {
      const auto at = static_cast<std::size_t>(i);
      total += at < run.losses.size() ? run.losses[at] : run.losses.front();
    }
    const bool cut = static_cast<std::int64_t>(run.losses.size()) < config_.curve_steps;
    return {total / static_cast<double>(config_.curve_steps), cut ? Ending::diverged : Ending::observed};
  }

  const ExperimentConfig& config_;
  std::map<std::string, std::map<std::int64_t, const RunResult*>> by_arm_;
};

std::string metric_name(const std::string& metric, const ExperimentConfig& config) {
  return metric == "steps" ? fmt::format("steps until the training loss is below {}", config.threshold)
                           : fmt::format("mean training loss of the first {} steps", config.curve_steps);
}

std::string metric_unit(const std::string& metric) { return metric == "steps" ? "steps" : "nats"; }

// "adam, learning rate 0.001"
std::string scope_of(const RunConfig& run) {
  if (run.optimizer == "muon")
    return fmt::format("muon, learning rate {}, with adam, {}", run.matrix_lr, run.lr);
  return fmt::format("{}, learning rate {}", run.optimizer, run.lr);
}

// What changes from arm a to arm b, within a sentence.
std::string name_of(const PlannedContrast& planned) {
  if (planned.cause == Cause::rounding) return "the storage alone";
  if (planned.cause == Cause::draw) return "redrawing q, k and v";
  return fmt::format("{} by {}", planned.rule,
                     planned.granularity == "head" ? "each head" : "the whole (3d, d) tensor");
}

Contrast describe(const PlannedContrast& planned, const Design& design, const ExperimentConfig& config) {
  Contrast contrast;
  contrast.cause = info(planned.cause).key;
  if (planned.granularity == "head") contrast.cause += " by head";
  if (!planned.not_measurable.empty()) contrast.cause += " under " + planned.rule;
  contrast.meaning = info(planned.cause).sentence;
  contrast.name = name_of(planned);
  contrast.rule = planned.rule;
  for (const Arm& arm : design.arms) {
    if (arm.name == planned.a) contrast.scope = scope_of(arm.run);
  }
  contrast.question = planned.question;
  contrast.arm_a = planned.a;
  contrast.arm_b = planned.b;
  contrast.metric = metric_name(planned.metric, config);
  contrast.unit = metric_unit(planned.metric);
  contrast.primary = is_primary(planned);
  contrast.held_equal = planned.held_equal;
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
  contrast.p_adjusted = finding.p_different_holm;
  contrast.margin = comparison.margin;
  contrast.equivalence_p = finding.p_equivalent;
  contrast.equivalence_p_adjusted = finding.p_equivalent_holm;
  contrast.within_margin = finding.within_margin;
  contrast.further_seeds = finding.further ? static_cast<int>(finding.further->pairs) : 0;
  contrast.verdict = finding.verdict;
}

// The distances between an arm's weights and its partner's, one for each seed that has one.
std::vector<double> weight_distances(const Runs& runs, const std::string& arm,
                                     std::optional<double> RunResult::*which) {
  std::vector<double> distances;
  for (const auto& [seed, run] : runs.of(arm)) {
    if (run->*which) distances.push_back(*(run->*which));
  }
  return distances;
}

// Rounding errors are proportional to the precision: in f64 the distance must be smaller by about 2^29, the
// ratio of the two precisions. Less than this says that something else differs as well; studies saw 1e8 to
// 1e9.
constexpr double least_shrinkage = 1e6;

// How far the weights of A0 and A1 are apart, and what becomes of that in f64.
std::string rounding_note(const ExperimentConfig& config, const Runs& runs) {
  const auto distances = [&](const char* arm) {
    return weight_distances(runs, arm, &RunResult::weight_distance);
  };
  const auto with_key_biases = [&](const char* arm) {
    return summarize(weight_distances(runs, arm, &RunResult::distance_with_key_biases)).median;
  };
  const std::vector<double> in_f32 = distances("A1"), in_f64 = distances("A1d");
  if (in_f32.empty()) return {};
  const Summary apart = summarize(in_f32);
  std::string note = fmt::format(
      "relative difference of all weights after {} steps: median {:.1e} ({:.1e} to {:.1e}), {:.1e} with the "
      "key biases, "
      "whose gradient is rounding noise",
      config.curve_steps, apart.median, apart.min, apart.max, with_key_biases("A1"));
  if (in_f64.empty() || apart.median == 0) return note;
  const double shrunk = summarize(in_f64).median;
  note += fmt::format("; in f64 {:.1e} and {:.1e} ({})", shrunk, with_key_biases("A1d"),
                      count(static_cast<long long>(in_f64.size()), "seed"));
  return note + (shrunk * least_shrinkage < apart.median
                     ? fmt::format(", {:.0e} times smaller: rounding and nothing else", apart.median / shrunk)
                     : ": it does not shrink with the precision, so something other than rounding differs");
}

std::vector<Contrast> judge_all(const Design& design, const ExperimentConfig& config, const Runs& runs) {
  const auto pairs_of = [&](const PlannedContrast& planned) {
    return pair_by_seed(runs.outcomes(planned.a, planned.metric), runs.outcomes(planned.b, planned.metric));
  };
  std::vector<Comparison> family;
  for (const PlannedContrast& planned : design.contrasts) {
    if (!is_primary(planned)) continue;
    const PairedSample pairs = pairs_of(planned);
    family.push_back({pairs, pairs.mean_a * config.margin / 100});
  }
  const std::vector<Finding> findings = judge(family);
  std::size_t next = 0;
  std::vector<Contrast> contrasts;
  for (const PlannedContrast& planned : design.contrasts) {
    Contrast contrast = describe(planned, design, config);
    if (!planned.not_measurable.empty()) {
      contrast.verdict = std::nullopt;
      contrast.note = planned.not_measurable;
    } else if (is_primary(planned)) {
      fill(contrast, family[next], findings[next]);
      ++next;
    } else {
      fill_spread(contrast, pairs_of(planned));
    }
    if (planned.cause == Cause::rounding && planned.metric == "steps")
      contrast.note = rounding_note(config, runs);
    contrasts.push_back(std::move(contrast));
  }
  return contrasts;
}

// A run ends when its metrics are known. From there on its loss counts as the last one, below the threshold,
// or as infinite after a divergence: so the median over the runs is right until it falls below the threshold,
// where the curve ends.
ArmCurve curve_of(const Arm& arm, const ExperimentConfig& config, const Runs& runs) {
  ArmCurve curve{.arm = arm.name, .label = arm.label, .group = arm.run.optimizer};
  std::size_t longest = 0;
  for (const auto& [seed, run] : runs.of(arm.name)) longest = std::max(longest, run->losses.size());
  curve.runs = static_cast<int>(runs.of(arm.name).size());
  for (std::size_t step = 0; step < longest; ++step) {
    std::vector<double> losses;
    for (const auto& [seed, run] : runs.of(arm.name)) {
      if (step < run->losses.size()) {
        losses.push_back(run->losses[step]);
      } else {
        losses.push_back(run->diverged ? std::numeric_limits<double>::infinity() : run->losses.back());
      }
    }
    const Summary s = summarize(losses);
    curve.step.push_back(static_cast<double>(step));
    curve.median.push_back(s.median);
    curve.low.push_back(s.lower_quartile);
    curve.high.push_back(s.upper_quartile);
    if (s.median < config.threshold && static_cast<std::int64_t>(step) >= config.curve_steps) break;
  }
  return curve;
}

ArmStatistics statistics_of(const Arm& arm, const std::string& metric, const ExperimentConfig& config,
                            const Runs& runs) {
  ArmStatistics statistics{.arm = arm.name,
                           .label = arm.label,
                           .metric = metric_name(metric, config),
                           .unit = metric_unit(metric)};
  std::vector<double> values;
  for (const Outcome& outcome : runs.outcomes(arm.name, metric)) {
    ++statistics.n;
    if (outcome.ending == Ending::observed) values.push_back(outcome.value);
    if (outcome.ending == Ending::censored) ++statistics.censored;
    if (outcome.ending == Ending::diverged) ++statistics.diverged;
  }
  const Summary s = summarize(values);
  statistics.reached = static_cast<int>(values.size());
  statistics.mean = s.mean;
  statistics.sd = s.sd;
  statistics.median = s.median;
  return statistics;
}

// A0 and A0' must agree bit for bit; the seeds where they do not.
std::vector<std::int64_t> unequal_seeds(const Runs& runs) {
  std::vector<std::int64_t> seeds;
  for (const auto& [seed, run] : runs.of("A0")) {
    if (runs.of("A0'").at(seed)->fingerprint != run->fingerprint) seeds.push_back(seed);
  }
  return seeds;
}

std::string describe_model(const RunConfig& run) {
  return fmt::format("{}, width {}, {}, MLP {}; batch {}", count(run.layers, "layer"), run.width,
                     count(run.heads, "head"), run.mlp, run.batch);
}

std::string describe_task(const ExperimentConfig& config) {
  const RunConfig& run = config.run;
  return fmt::format("{}, {}, q, k, v by {}, {}; {} from {}.", describe_model(run), scope_of(run), run.init,
                     run.precision, count(config.seeds, "seed"), run.seed);
}

}  // namespace

StudySummary analyse(const StudyConfig& study, const std::vector<Design>& designs,
                     const RunResults& results) {
  StudySummary summary{.name = study.name, .question = study.question};
  for (std::size_t i = 0; i < designs.size(); ++i) {
    const ExperimentConfig& config = study.experiments[i];
    const Runs runs(i, config, results);
    if (runs.empty()) continue;
    TaskSummary task{.task = config.run.task,
                     .title = capitalised(config.run.task) + " task",
                     .model = describe_model(config.run),
                     .description = describe_task(config),
                     .loss_label = "training loss (cross entropy, nats)",
                     .threshold = config.threshold,
                     .margin = config.margin};
    for (const Arm& arm : designs[i].arms) {
      if (arm.weights_only) continue;
      task.curves.push_back(curve_of(arm, config, runs));
      for (const char* metric : {"steps", "curve"})
        task.arms.push_back(statistics_of(arm, metric, config, runs));
    }
    task.contrasts = judge_all(designs[i], config, runs);
    const std::vector<std::int64_t> unequal = unequal_seeds(runs);
    task.valid = unequal.empty();
    task.control =
        task.valid
            ? fmt::format(
                  "A0 and its repetition A0' agree bit for bit, in all losses and the last weights, for "
                  "each of {}.",
                  count(static_cast<long long>(runs.of("A0").size()), "seed"))
            : fmt::format(
                  "INVALID: A0 and its repetition A0' differ in {} of {} (first: {}), so nothing here "
                  "can be trusted. Please report this with study.h5.",
                  unequal.size(), count(static_cast<long long>(runs.of("A0").size()), "seed"),
                  unequal.front());
    task.verdict = verdict_summary(task);
    summary.verdict += (summary.verdict.empty() ? "" : " ") + task.verdict;
    summary.tasks.push_back(std::move(task));
  }
  return summary;
}

std::vector<RunRow> run_rows(const StudyConfig& study, const std::vector<Design>& designs,
                             const RunResults& results) {
  std::vector<RunRow> rows;
  for (const auto& [key, run] : results) {
    const auto& arms = designs[key.experiment].arms;
    const Arm& arm = *std::find_if(arms.begin(), arms.end(), [&](const Arm& a) { return a.name == key.arm; });
    RunRow row{.task = study.experiments[key.experiment].run.task,
               .arm = key.arm,
               .optimizer = arm.run.optimizer,
               .initialiser = arm.run.init};
    row.seed = key.seed;
    if (run.steps) row.steps_to_threshold = static_cast<int>(*run.steps);
    row.diverged = run.diverged;
    row.censored = !run.steps && !run.diverged && !arm.weights_only;
    row.steps_run = static_cast<int>(run.losses.size());
    for (const double loss : run.losses) row.auc += loss;
    row.final_loss = run.losses.back();
    row.seconds = run.seconds;
    row.parameters = run.parameters;
    rows.push_back(std::move(row));
  }
  return rows;
}

std::string date_now() { return fmt::format("{:%FT%TZ}", fmt::gmtime(std::time(nullptr))); }

std::map<std::string, std::string> study_attributes(const StudyConfig& study, const std::string& config,
                                                    const std::string& command, std::int64_t threads) {
  const SystemInfo system = system_info();
  return {{"config", config},
          {"question", study.question},
          {"command", command},
          {"date", date_now()},
          {"version", LOCKSTEP_VERSION},
          {"processor", system.processor},
          {"cores", std::to_string(usable_cores())},
          {"threads", std::to_string(threads)},
          {"system", system.system},
          {"compiler", system.compiler},
          {"blas", blas_info().config},
          {"blas_kernel", blas_info().core},
          {"hdf5", h5::library_version()}};
}

}  // namespace lockstep::train
