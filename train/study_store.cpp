#include "train/study_store.h"

#include <chrono>

#include "data/hdf5.h"
#include "train/keys.h"

namespace lockstep::train {

namespace {

constexpr const char* format = "lockstep study 1";

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::string group_of(const RunKey& key) {
  return fmt::format("experiments/{}/{}/{}", key.experiment, key.arm, key.seed);
}

void write_run(h5::File& file, const RunKey& key, const RunResult& run) {
  h5::Group group = file.create_group(group_of(key));
  group.set_attribute("steps_to_threshold", run.steps.value_or(-1));
  group.set_attribute("diverged", run.diverged);
  group.set_attribute("seconds", run.seconds);
  group.set_attribute("parameters", run.parameters);
  group.set_attribute("fingerprint", fmt::format("{:016x}", run.fingerprint));
  h5::Dataset loss = group.write("loss", run.losses, {static_cast<std::int64_t>(run.losses.size())});
  loss.set_attribute("unit", "nats, mean over the targets of the step's batch, before the step's update");
  if (!run.weights.empty())
    group.write("weights", run.weights, {static_cast<std::int64_t>(run.weights.size())});
}

RunResult read_run(const h5::Group& group) {
  RunResult run;
  if (const auto steps = group.attribute<std::int64_t>("steps_to_threshold"); steps >= 0) run.steps = steps;
  run.diverged = group.attribute<std::int64_t>("diverged") != 0;
  run.seconds = group.attribute<double>("seconds");
  run.parameters = group.attribute<std::int64_t>("parameters");
  run.fingerprint = std::stoull(group.attribute<std::string>("fingerprint"), nullptr, 16);
  run.losses = group.read<double>("loss").values;
  if (group.has_dataset("weights")) run.weights = group.read<double>("weights").values;
  return run;
}

}  // namespace

StudyStore::StudyStore(std::filesystem::path file, std::map<std::string, std::string> attributes,
                       const StudyConfig& study)
    : file_(std::move(file)), attributes_(std::move(attributes)), study_(study) {}

RunResults StudyStore::load() const {
  const h5::File file = h5::File::open(file_.string());
  check(
      file.has_attribute("format") && file.attribute<std::string>("format") == format,
      "{} is not a study file of this version (expected the attribute format = \"{}\"): choose another --out",
      file_.string(), format);
  check(file.attribute<std::string>("config") == attributes_.at("config"),
        "{} holds another study, with other settings (compare study.toml there): choose another --out, or "
        "the same settings",
        file_.string());
  RunResults results;
  for (std::size_t i = 0; i < study_.experiments.size(); ++i) {
    const std::string path = fmt::format("experiments/{}", i);
    if (!file.has_group(path)) continue;
    const h5::Group experiment = file.group(path);
    for (const std::string& arm : experiment.children()) {
      for (const std::string& seed : experiment.group(arm).children()) {
        results[{i, arm, std::stoll(seed)}] = read_run(experiment.group(arm).group(seed));
      }
    }
  }
  return results;
}

void StudyStore::add(const RunKey& key, RunResult result) {
  const std::lock_guard lock(mutex_);
  results_[key] = std::move(result);
  if (now() - written_at_ > 1) write_locked();
}

void StudyStore::save() {
  const std::lock_guard lock(mutex_);
  write_locked();
}

RunResults StudyStore::take() {
  const std::lock_guard lock(mutex_);
  return std::move(results_);
}

void StudyStore::write_locked() {
  h5::File file = h5::File::create(file_.string());
  file.set_attribute("format", format);
  for (const auto& [name, value] : attributes_) file.set_attribute(name, value);
  for (std::size_t i = 0; i < study_.experiments.size(); ++i) {
    const ExperimentConfig& experiment = study_.experiments[i];
    h5::Group group = file.create_group(fmt::format("experiments/{}", i));
    group.set_attribute("task", experiment.run.task);
    group.set_attribute("steps_to_threshold",
                        fmt::format("steps until the training loss is below {}; -1: not within {} steps",
                                    experiment.threshold, experiment.run.steps));
  }
  for (const auto& [key, run] : results_) write_run(file, key, run);
  file.commit();
  written_at_ = now();
}

}  // namespace lockstep::train
