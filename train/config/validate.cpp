#include "train/config/validate.h"

#include <algorithm>

#include "core/error.h"
#include "core/joined.h"
#include "train/config/cause.h"
#include "train/config/difference.h"
#include "train/config/key.h"
#include "train/config/optimizer.h"
#include "train/config/recipe.h"
#include "train/config/schedule.h"

namespace lockstep::train {

namespace {

using Words = std::vector<std::string>;
using KeySet = std::set<std::string>;

bool contains(const Words& list, const std::string& word) {
  return std::ranges::find(list, word) != list.end();
}

// Each word once.
Words merged(const std::vector<Words>& lists) {
  Words all;
  for (const Words& list : lists) {
    for (const std::string& word : list) {
      if (!contains(all, word)) all.push_back(word);
    }
  }
  return all;
}

template <typename Config>
void check_values(std::span<const Key<Config>> keys, const Config& config) {
  for (const Key<Config>& key : keys) check_value(key, config);
}

// What no range of one key says.
void check_together(const RunConfig& run) {
  check(run.width % run.heads == 0,
        "width = {} is not divisible by heads = {}: choose a width that is a multiple of the heads",
        run.width, run.heads);
  check(run.min_lr <= run.lr, "min_lr = {} is out of range: expected 0 to lr = {}", run.min_lr, run.lr);
  check(run.warmup <= run.steps, "warmup = {} is out of range: expected 0 to steps = {}", run.warmup,
        run.steps);
}

// The keys that were set: typed, or other than the recipe's.
KeySet keys_set(const RunConfig& run, const RunConfig& recipe, const KeySet& typed) {
  KeySet keys;
  for (const Key<RunConfig>& key : run_keys()) {
    const bool other = std::visit([&](auto member) { return run.*member != recipe.*member; }, key.member);
    if (other || typed.contains(key.name)) keys.insert(key.name);
  }
  return keys;
}

// Refuses those of `all` that were set and that `rule` does not have.
void refuse_foreign(const KeySet& set, const Words& all, const std::string& rule, const Words& own) {
  for (const std::string& key : all) {
    check(!set.contains(key) || contains(own, key), "{} has no {}: leave it out; {}", rule, key,
          own.empty() ? "it has none of these settings" : "it has " + joined(own));
  }
}

// `optimizers`: those that the run's settings are for.
void check_settings(const RunConfig& run, const KeySet& set, const Words& optimizers) {
  std::vector<Words> own, of_schedules;
  for (const std::string& optimizer : optimizers) own.push_back(optimizer_keys(optimizer));
  refuse_foreign(set, optimizer_keys(), joined(optimizers, " and "), merged(own));
  for (const std::string& name : schedule_names()) of_schedules.push_back(schedule_keys(name));
  refuse_foreign(set, merged(of_schedules), fmt::format("the {} schedule", run.schedule),
                 schedule_keys(run.schedule));
  check(!set.contains("clip_by") || run.clip > 0,
        "clip_by = \"{}\" says by which norm to clip, but clip is 0: set clip, too", run.clip_by);
}

// Every arm says these for itself: set to anything else they would be passed over in silence.
void check_left_to_the_arms(const RunConfig& run) {
  const RunConfig untouched;
  const std::pair<const char*, std::string RunConfig::*> of_the_arms[] = {
      {"attention", &RunConfig::attention},
      {"init_direction", &RunConfig::init_direction},
      {"init_scale", &RunConfig::init_scale},
      {"optimizer_direction", &RunConfig::optimizer_direction},
      {"optimizer_scale", &RunConfig::optimizer_scale}};
  for (const auto& [key, member] : of_the_arms) {
    check(run.*member == untouched.*member,
          "{} = \"{}\" has no place in a study: its arms differ in just that; leave it out", key,
          run.*member);
  }
}

void validate(const ExperimentConfig& experiment, const KeySet& typed) {
  const RunConfig& run = experiment.run;
  check_values(run_keys(), run);
  check_values(experiment_keys(), experiment);
  check_together(run);
  check_left_to_the_arms(run);
  check(experiment.curve_steps <= run.steps, "curve_steps = {} is out of range: expected 1 to steps = {}",
        experiment.curve_steps, run.steps);
  check(!experiment.causes.empty(), "causes is empty: name at least one of {}", joined(cause_keys()));
  const auto asks = [&](Cause cause) { return contains(experiment.causes, info(cause).key); };
  const bool couples = asks(Cause::coupling);
  check(!experiment.against.empty() || !(couples || asks(Cause::distribution)),
        "against is empty: name what distribution and coupling are compared with, tensor or head or both");
  check(experiment.part_factors == "off" || experiment.tune == "own",
        "part_factors = \"on\" belongs to the search of an arm's own learning rate, but tune = \"{}\": set "
        "tune = "
        "\"own\", or leave it out",
        experiment.tune);
  check(run.rng == "keyed",
        "rng = \"torch\" has no place in a study: there, combined and separate weights share no draws, so no "
        "arm would hold another's weights; lockstep train takes it");
  const Words optimizers =
      merged({{run.optimizer}, couples ? Words{experiment.coupling_optimizer} : Words{}});
  check_settings(run, keys_set(run, experiment_for(run.task).run, typed), optimizers);
}

}  // namespace

void validate(const RunConfig& run, const KeySet& typed) {
  check_values(run_keys(), run);
  check_together(run);
  check_settings(run, keys_set(run, defaults_for(run.task), typed), {run.optimizer});
}

void validate(const StudyConfig& study, const KeySet& typed) {
  check_values(study_keys(), study);
  // The name names the output folder.
  const bool plain = study.name.find_first_not_of(
                         "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                         "0123456789_-.") == std::string::npos;
  check(plain && !study.name.empty() && study.name.front() != '.',
        "name = \"{}\" names the output folder: expected letters, digits, -, _ and ., with no . in front",
        study.name);
  const auto& experiments = study.experiments;
  check(!experiments.empty(), "a study needs at least one [[experiment]]");
  for (std::size_t i = 0; i < experiments.size(); ++i) {
    try {
      validate(experiments[i], typed);
    } catch (const Error& error) {
      if (experiments.size() == 1) throw;
      fail("experiment {} ({}): {}", i + 1, experiments[i].run.task, error.what());
    }
    check(experiments[i].stopping == experiments[0].stopping,
          "experiments 1 and {} have stopping = \"{}\" and \"{}\": all tests of a study are one family, so "
          "it must "
          "be the same",
          i + 1, experiments[0].stopping, experiments[i].stopping);
    for (std::size_t earlier = 0; earlier < i; ++earlier) {
      check(!differences(experiments[earlier], experiments[i]).empty(),
            "experiments {} and {} are the same: leave one out, or change a key", earlier + 1, i + 1);
    }
  }
}

}  // namespace lockstep::train
