#include "train/study/plan.h"

#include <algorithm>
#include <map>

#include "train/statistics/anytime.h"
#include "train/study/experiment_runs.h"

namespace lockstep::train {

namespace {

// As a rule a search tries so many rates, and then three judged arms for both of its own.
constexpr std::int64_t usual_rates = 9;

std::int64_t waiting(const Tuning& tuning, const ExperimentConfig& experiment) {
  std::int64_t runs = 0;
  for (const RateSearch& search : tuning.searches) {
    if (search.best || !search.failure.empty()) continue;
    const std::int64_t rates = usual_rates - std::ssize(search.tried) - 1;
    runs += std::ssize(search.arms) *
            (std::max<std::int64_t>(rates, 0) * experiment.tune_seeds + experiment.seeds);
  }
  return runs;
}

// How many seeds the arms of an experiment are wanted with.
class Wanted {
 public:
  Wanted(const Design& design, const ExperimentConfig& experiment, const ExperimentRuns& runs,
         std::size_t tests)
      : experiment_(experiment), runs_(runs), tests_(tests) {
    const bool all = experiment.stopping == "fixed";
    fewest_ = all ? experiment.seeds
                  : std::min(static_cast<std::int64_t>(fewest_to_decide(tests)), experiment.seeds);
    if (all) return;
    for (const PlannedContrast& contrast : design.contrasts) {
      if (is_tested(contrast)) want(contrast.a, contrast.b, pairs(contrast));
    }
    // What is not tested goes along with what it is compared with.
    for (const PlannedContrast& contrast : design.contrasts) {
      if (!is_tested(contrast) && contrast.not_measurable.empty())
        want(contrast.b, contrast.b, of(contrast.a));
    }
  }

  std::int64_t of(const std::string& arm) const {
    const auto found = wanted_.find(arm);
    return found == wanted_.end() ? fewest_ : std::max(found->second, fewest_);
  }

 private:
  void want(const std::string& a, const std::string& b, std::int64_t seeds) {
    for (const std::string& arm : {a, b}) wanted_[arm] = std::max(wanted_[arm], seeds);
  }

  // One more than there are, until they decide; whatever was run for other contrasts.
  std::int64_t pairs(const PlannedContrast& contrast) const {
    const auto has = [&](const std::string& arm, std::int64_t seed) { return runs_.of(arm).contains(seed); };
    std::int64_t done = 0;
    for (std::int64_t seed = experiment_.run.seed; has(contrast.a, seed) && has(contrast.b, seed); ++seed)
      ++done;
    if (done < fewest_) return fewest_;
    const Metric& metric = primary_metric(experiment_);
    const double base = runs_.pairs(contrast.a, contrast.b, metric, fewest_).mean_a;
    const Comparison comparison{runs_.pairs(contrast.a, contrast.b, metric, done),
                                base * experiment_.margin / 100};
    return is_decided(comparison, tests_) ? done : std::min(done + 1, experiment_.seeds);
  }

  const ExperimentConfig& experiment_;
  const ExperimentRuns& runs_;
  std::size_t tests_;
  std::int64_t fewest_;
  std::map<std::string, std::int64_t> wanted_;
};

}  // namespace

std::size_t tests_of(const StudyConfig& study, const std::vector<Design>& designs) {
  std::size_t tests = 0;
  for (std::size_t i = 0; i < designs.size(); ++i) {
    tests += tests_in(designs[i]);
    if (study.experiments[i].tune != "off")
      tests += 2 * static_cast<std::size_t>(std::ranges::count_if(designs[i].contrasts, is_tunable));
  }
  return std::max<std::size_t>(tests, 1);
}

// Tuning before what it leaves open, and both before the rest, seed by seed, so that a study that is stopped
// early has whole pairs. The runs in f64, which take the longest, come first: at the end, the other threads
// would wait for them.
Plan plan_of(const StudyConfig& study, const std::vector<Design>& designs, const RunResults& done) {
  Plan plan;
  std::vector<Job> judged;
  const std::size_t tests = tests_of(study, designs);
  for (std::size_t i = 0; i < designs.size(); ++i) {
    const ExperimentConfig& experiment = study.experiments[i];
    const Tuning tuning = tuning_of(i, experiment, designs[i], done);
    plan.later += waiting(tuning, experiment);
    for (const MissingRun& run : tuning.missing) {
      const RunKey key{i, run.arm.name, run.seed};
      const bool known = std::ranges::find(plan.jobs, key, &Job::key) != plan.jobs.end();
      if (!known) plan.jobs.push_back({key, run, &experiment});
    }
    const Design design = with_rates(designs[i], experiment, tuning);
    const ExperimentRuns runs(i, experiment, done);
    const Wanted wanted(design, experiment, runs, tests);
    for (std::int64_t seed = experiment.run.seed; seed < experiment.run.seed + experiment.seeds; ++seed) {
      for (const Arm& arm : design.arms) {
        const std::int64_t seeds = std::min(wanted.of(arm.name), seeds_of(arm, experiment));
        const RunKey key{i, arm.name, seed};
        if (arm.judged && seed < experiment.run.seed + seeds && !done.contains(key))
          judged.push_back({key, {arm, seed}, &experiment});
      }
    }
  }
  std::ranges::move(judged, std::back_inserter(plan.jobs));
  std::ranges::stable_partition(plan.jobs, &Job::takes_longest);
  return plan;
}

std::vector<Design> with_tuned_rates(const StudyConfig& study, const std::vector<Design>& designs,
                                     const RunResults& done) {
  std::vector<Design> all;
  for (std::size_t i = 0; i < designs.size(); ++i) {
    const ExperimentConfig& experiment = study.experiments[i];
    all.push_back(with_rates(designs[i], experiment, tuning_of(i, experiment, designs[i], done)));
  }
  return all;
}

}  // namespace lockstep::train
