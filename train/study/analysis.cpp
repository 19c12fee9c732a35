#include "train/study/analysis.h"

#include <algorithm>
#include <limits>

#include "core/error.h"
#include "train/config/optimizer.h"
#include "train/report/verdict_words.h"
#include "train/statistics/describe.h"
#include "train/study/across_tasks.h"
#include "train/study/contrasts.h"
#include "train/study/drift.h"
#include "train/study/experiment_runs.h"
#include "train/study/metric.h"
#include "train/text/numbers.h"

namespace lockstep::train {

namespace {

// A run ends when its metrics are known. From there on its loss counts as the last one, below the threshold,
// or as infinite after a divergence: so the median over the runs is right until it falls below the threshold,
// where the curve ends.
ArmCurve curve_of(const Arm& arm, const ExperimentConfig& config, const ExperimentRuns& runs) {
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

ArmStatistics statistics_of(const Arm& arm, const Metric& metric, const ExperimentConfig& config,
                            const ExperimentRuns& runs) {
  ArmStatistics statistics{
      .arm = arm.name, .label = arm.label, .metric = metric.label(config), .unit = metric.unit};
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

// What every probe gave, arm by arm: means over the seeds.
std::vector<ProbeTable> probe_tables(const Design& design, const ExperimentRuns& runs) {
  std::vector<ProbeTable> tables;
  for (const ProbeKind& kind : probes()) {
    ProbeTable table{.label = kind.label, .unit = kind.unit, .formula = kind.formula};
    for (const Arm& arm : design.arms) {
      for (const auto& [seed, run] : runs.of(arm.name)) {
        const auto found = run->measured.find(kind.key);
        if (found != run->measured.end() && !found->second.series.names.empty())
          table.names = found->second.series.names;
      }
    }
    for (const Arm& arm : design.arms) {
      ProbeTable::Row row{.arm = arm.name, .label = arm.label};
      for (const std::string& name : table.names) {
        const Summary s = summarize(runs.measured(arm.name, kind.key, name));
        if (s.count > 0) row.means.push_back(s.mean);
      }
      if (!row.means.empty()) table.rows.push_back(std::move(row));
    }
    if (!table.rows.empty()) tables.push_back(std::move(table));
  }
  return tables;
}

// A0 and A0' must agree bit for bit, with the seeds that both have.
void check_repetition(TaskSummary& task, const Design& design, const ExperimentRuns& runs) {
  const auto name_of_role = [&](ArmRole role) {
    return std::ranges::find(design.arms, role, &Arm::role)->name;
  };
  const std::string first = name_of_role(ArmRole::separate), second = name_of_role(ArmRole::repetition);
  std::vector<std::int64_t> unequal;
  long long compared = 0;
  for (const auto& [seed, run] : runs.of(second)) {
    const auto other = runs.of(first).find(seed);
    if (other == runs.of(first).end()) continue;
    ++compared;
    if (other->second->fingerprint != run->fingerprint) unequal.push_back(seed);
  }
  const std::string seeds = count(compared, "seed");
  task.valid = unequal.empty();
  task.control =
      task.valid ? fmt::format(
                       "{} and its repetition {} agree bit for bit, in all losses and the last weights, "
                       "for each of {}.",
                       first, second, seeds)
                 : fmt::format(
                       "INVALID: {} and its repetition {} differ in {} of {} (first: {}), so nothing here "
                       "can be trusted. Please report this with study.h5.",
                       first, second, unequal.size(), seeds, unequal.front());
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

TaskSummary task_summary(const ExperimentView& experiment, std::vector<Contrast> contrasts) {
  const auto& [config, design, runs, tuning_runs] = experiment;
  TaskSummary task{.task = config.run.task,
                   .title = capitalised(config.run.task) + " task",
                   .model = describe_model(config.run),
                   .description = describe_task(config),
                   .loss_label = "training loss (cross entropy, nats)",
                   .threshold = config.threshold,
                   .margin = config.margin};
  for (const Arm& arm : design.arms) {
    if (info(arm.role).for_probes_alone || !arm.judged) continue;
    const bool declared = arm.at_rate_of.empty();
    if (declared) task.curves.push_back(curve_of(arm, config, runs));
    for (const Metric* metric : metrics_of(config)) {
      if (declared || metric->key == config.primary)
        task.arms.push_back(statistics_of(arm, *metric, config, runs));
    }
  }
  task.measured = probe_tables(design, runs);
  task.distances = storage_drift(design, runs);
  task.contrasts = std::move(contrasts);
  check_repetition(task, design, runs);
  return task;
}

}  // namespace

StudySummary analyse(const StudyConfig& study, const std::vector<Design>& designs,
                     const RunResults& results) {
  std::vector<ExperimentView> experiments;
  for (std::size_t i = 0; i < designs.size(); ++i) {
    ExperimentRuns runs(i, study.experiments[i], results);
    ExperimentRuns tuning_runs(i, study.experiments[i], results, Seeds::tuning);
    if (!runs.empty())
      experiments.push_back({study.experiments[i], designs[i], std::move(runs), std::move(tuning_runs)});
  }
  std::vector<std::vector<Contrast>> contrasts = judged(experiments);
  StudySummary summary{.name = study.name,
                       .question = study.question,
                       .disputes = study.disputes,
                       .anytime = study.experiments.front().stopping == "decided"};
  for (std::size_t i = 0; i < experiments.size(); ++i) {
    summary.tasks.push_back(task_summary(experiments[i], std::move(contrasts[i])));
  }
  summary.across = across_tasks(summary.tasks);
  return summary;
}

std::vector<RunRow> run_rows(const StudyConfig& study, const std::vector<Design>& designs,
                             const RunResults& results) {
  std::vector<RunRow> rows;
  for (const auto& [key, run] : results) {
    const ExperimentConfig& experiment = study.experiments[key.experiment];
    const Arm* const arm = arm_named(designs[key.experiment], key.arm);
    if (!arm) continue;
    RunRow row{.task = experiment.run.task,
               .arm = key.arm,
               .optimizer = arm->run.optimizer,
               .initialiser = arm->run.init,
               .seed = key.seed,
               .diverged = run.diverged,
               .tuning = is_tuning_seed(key.seed, experiment),
               .steps_run = static_cast<int>(run.losses.size()),
               .final_loss = run.losses.back(),
               .seconds = run.seconds,
               .parameters = run.parameters};
    for (const Metric& metric : metrics()) {
      const Outcome outcome = metric.of(run.losses, run.diverged, experiment);
      const bool counted = !info(arm->role).for_probes_alone &&
                           ((arm->at_rate_of.empty() && !row.tuning) || metric.key == experiment.primary);
      row.metrics.push_back({metric.key, counted && outcome.ending == Ending::observed
                                             ? std::optional(outcome.value)
                                             : std::nullopt});
      row.censored |= counted && outcome.ending == Ending::censored;
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<ArmRow> arm_rows(const StudyConfig& study, const std::vector<Design>& designs) {
  std::vector<ArmRow> rows;
  for (std::size_t i = 0; i < designs.size(); ++i) {
    for (const Arm& arm : designs[i].arms) {
      rows.push_back({.task = study.experiments[i].run.task,
                      .arm = arm.name,
                      .label = arm.label,
                      .purpose = info(arm.role).purpose,
                      .storage = arm.run.attention,
                      .precision = arm.run.precision,
                      .initialiser = arm.run.init,
                      .optimizer = arm.run.optimizer,
                      .learning_rate = arm.run.*learning_rate_of(arm.run.optimizer),
                      .init_direction = arm.run.init_direction,
                      .init_scale = arm.run.init_scale,
                      .optimizer_direction = arm.run.optimizer_direction,
                      .optimizer_scale = arm.run.optimizer_scale});
    }
  }
  return rows;
}

std::vector<ProbeRow> probe_rows(const StudyConfig& study, const RunResults& results) {
  std::vector<ProbeRow> rows;
  for (const auto& [key, run] : results) {
    for (const ProbeKind& kind : probes()) {
      const auto found = run.measured.find(kind.key);
      if (found == run.measured.end()) continue;
      const Series& series = found->second.series;
      for (std::size_t i = 0; i < series.values.size(); ++i) {
        rows.push_back({.task = study.experiments[key.experiment].run.task,
                        .arm = key.arm,
                        .seed = key.seed,
                        .probe = kind.key,
                        .name = series.names[i % series.names.size()],
                        .step = series.steps[i / series.names.size()],
                        .value = series.values[i],
                        .unit = kind.unit});
      }
    }
  }
  return rows;
}

}  // namespace lockstep::train
