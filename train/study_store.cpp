#include "train/study_store.h"

#include <chrono>

#include "core/error.h"
#include "data/hdf5.h"
#include "train/keys.h"

namespace lockstep::train {

namespace {

constexpr const char* format = "lockstep study 2";
constexpr const char* wall_seconds = "wall_seconds";

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
  if (run.weight_distance) group.set_attribute("weight_distance", *run.weight_distance);
  group.set_attribute("fingerprint", fmt::format("{:016x}", run.fingerprint));
  h5::Dataset loss = group.write("loss", run.losses, {static_cast<std::int64_t>(run.losses.size())});
  loss.set_attribute("unit", "nats, mean over the targets of the step's batch, before the step's update");
  if (run.distance_with_key_biases) {
    group.set_attribute("weight_distance_with_key_biases", *run.distance_with_key_biases);
  }
  const std::vector<double>& weights = run.weights.values;
  if (!weights.empty()) {
    h5::Dataset set = group.write("weights", weights, {static_cast<std::int64_t>(weights.size())});
    set.set_attribute("key_biases_at_the_end", run.weights.key_biases);
  }
}

RunResult read_run(const h5::Group& group) {
  RunResult run;
  if (const auto steps = group.attribute<std::int64_t>("steps_to_threshold"); steps >= 0) run.steps = steps;
  run.diverged = group.attribute<std::int64_t>("diverged") != 0;
  run.seconds = group.attribute<double>("seconds");
  run.parameters = group.attribute<std::int64_t>("parameters");
  run.fingerprint = std::stoull(group.attribute<std::string>("fingerprint"), nullptr, 16);
  if (group.has_attribute("weight_distance"))
    run.weight_distance = group.attribute<double>("weight_distance");
  run.losses = group.read<double>("loss").values;
  if (group.has_attribute("weight_distance_with_key_biases"))
    run.distance_with_key_biases = group.attribute<double>("weight_distance_with_key_biases");
  if (group.has_dataset("weights")) {
    const h5::Dataset set = group.dataset("weights");
    run.weights = {set.read<double>(), set.attribute<std::int64_t>("key_biases_at_the_end")};
  }
  return run;
}

}  // namespace

StudyRecord read_study_record(const std::filesystem::path& path) {
  const h5::File file = h5::File::open(path.string());
  check(file.has_attribute("format") && file.attribute<std::string>("format") == format,
        "{} is not a study file of this version (expected the attribute format = \"{}\")", path.string(),
        format);
  StudyRecord record{.seconds = file.attribute<double>(wall_seconds)};
  for (const std::string& name : file.attribute_names()) {
    if (name != "format" && name != wall_seconds) record.about[name] = file.attribute<std::string>(name);
  }
  if (!file.has_group("experiments")) return record;
  const h5::Group experiments = file.group("experiments");
  for (const std::string& index : experiments.children()) {
    const h5::Group experiment = experiments.group(index);
    for (const std::string& arm : experiment.children()) {
      for (const std::string& seed : experiment.group(arm).children()) {
        record.runs[{std::stoul(index), arm, std::stoll(seed)}] = read_run(experiment.group(arm).group(seed));
      }
    }
  }
  return record;
}

StudyStore::StudyStore(std::filesystem::path file, std::map<std::string, std::string> about,
                       const StudyConfig& study)
    : file_(std::move(file)), study_(study), counted_until_(now()) {
  record_.about = std::move(about);
}

void StudyStore::resume() {
  StudyRecord earlier = read_study_record(file_);
  check(earlier.about["config"] == record_.about["config"],
        "{} holds another study, with other settings (compare study.toml there): choose another --out, or "
        "the same settings",
        file_.string());
  for (const char* kept : {"command", "date"}) record_.about[kept] = earlier.about[kept];
  record_.seconds += earlier.seconds;
  record_.runs = std::move(earlier.runs);
}

void StudyStore::add(const RunKey& key, RunResult result, const std::string& weights_partner) {
  const std::lock_guard lock(mutex_);
  RunResult& added = record_.runs[key] = std::move(result);
  const auto partner = record_.runs.find({key.experiment, weights_partner, key.seed});
  if (partner != record_.runs.end()) settle_weights(added, partner->second);
  if (now() - written_at_ > 1) write_locked();
}

void StudyStore::save() {
  const std::lock_guard lock(mutex_);
  write_locked();
}

void StudyStore::write_locked() {
  record_.seconds += now() - counted_until_;
  counted_until_ = now();
  h5::File file = h5::File::create(file_.string());
  file.set_attribute("format", format);
  file.set_attribute(wall_seconds, record_.seconds);
  for (const auto& [name, value] : record_.about) file.set_attribute(name, value);
  for (std::size_t i = 0; i < study_.experiments.size(); ++i) {
    const ExperimentConfig& experiment = study_.experiments[i];
    h5::Group group = file.create_group(fmt::format("experiments/{}", i));
    group.set_attribute("task", experiment.run.task);
    group.set_attribute("steps_to_threshold",
                        fmt::format("steps until the training loss is below {}; -1: not within {} steps",
                                    experiment.threshold, experiment.run.steps));
  }
  for (const auto& [key, run] : record_.runs) write_run(file, key, run);
  file.commit();
  written_at_ = now();
}

}  // namespace lockstep::train
