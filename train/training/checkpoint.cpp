#include "train/training/checkpoint.h"

#include "core/error.h"
#include "optim/factory.h"
#include "train/config/toml.h"
#include "train/config/validate.h"

namespace lockstep::train {

namespace {

constexpr const char* format = "lockstep checkpoint 1";

std::string format_of(const h5::File& file) {
  return file.has_attribute("format") ? file.attribute<std::string>("format") : "";
}

void describe(h5::File& file, const char* kind, const RunConfig& config) {
  file.set_attribute("format", kind);
  file.set_attribute("config", to_toml(config));
  file.set_attribute("version", LOCKSTEP_VERSION);
  file.set_attribute("hdf5", h5::library_version());
}

}  // namespace

bool is_checkpoint(const std::string& path) {
  return data::is_hdf5(path) && format_of(h5::File::open_foreign(path)) == format;
}

std::vector<data::StoredTensor> weights_of(const std::string& path) {
  return is_checkpoint(path) ? Checkpoint(path).weights() : data::open_weights(path);
}

Checkpoint::Checkpoint(const std::string& path) : path_(path), file_(h5::File::open_foreign(path)) {
  const std::string found = format_of(file_);
  check(
      found == format,
      "{} is no checkpoint of this version of lockstep train: its attribute format is {}, expected \"{}\"{}",
      path, found.empty() ? "missing" : '"' + found + '"', format,
      found.empty() ? " (a file of weights alone goes to lockstep train --weights)" : "");
}

RunConfig Checkpoint::config() const {
  RunConfig config = parse_run(file_.attribute<std::string>("config"), path_);
  validate(config);
  return config;
}

std::int64_t Checkpoint::steps_done() const {
  const auto steps = file_.attribute<std::int64_t>("steps_done");
  const std::int64_t all = config().steps;
  check(steps >= 0 && steps <= all, "{}: steps_done is {}, expected 0 to steps = {}: the file is damaged",
        path_, steps, all);
  return steps;
}

Habits Checkpoint::habits() const {
  if (!file_.has_attribute("keep")) return {};  // from before there was --keep
  Habits habits{file_.attribute<std::int64_t>("every"), file_.attribute<std::string>("keep")};
  if (file_.has_attribute("probes")) habits.probes = file_.attribute<std::vector<std::string>>("probes");
  return habits;
}

void Checkpoint::restore(Training& training) const {
  optim::OptimizerState state = optim::clone(training.optimizer().state());
  for (auto& [slot, tensors] : state) {
    data::load(data::weights_in(file_.group("optimizer/" + slot)), tensors, {},
               fmt::format("{}:/optimizer/{}", path_, slot));
  }
  data::load(weights(), training.model().parameters(), {}, path_ + ":/weights");
  training.optimizer().load_state(state);
  training.continue_after(steps_done());
}

void save_checkpoint(const std::string& path, const Training& training, const Metrics& metrics,
                     const Habits& habits) {
  h5::File file = h5::File::create(path);
  describe(file, format, training.config());
  file.set_attribute("steps_done", training.steps_done());
  file.set_attribute("every", habits.every);
  file.set_attribute("keep", habits.keep);
  if (!habits.probes.empty()) file.set_attribute("probes", habits.probes);
  h5::Group weights = file.create_group("weights");
  data::write_weights(weights, training.model().parameters());
  file.create_group("optimizer");
  for (const auto& [slot, tensors] : training.optimizer().state()) {
    h5::Group group = file.create_group("optimizer/" + slot);
    data::write_weights(group, tensors);
  }
  h5::Group shown = file.create_group("metrics");
  write_metrics(shown, metrics);
  file.commit();
}

void save_metrics(const std::string& path, const RunConfig& config, const Metrics& metrics) {
  h5::File file = h5::File::create(path);
  describe(file, "lockstep metrics 1", config);
  write_metrics(file, metrics);
  file.commit();
}

std::string storage_dependence(const RunConfig& config) {
  const std::string& rule = config.optimizer;
  if (optim::couples_rows(rule) &&
      (config.optimizer_direction == "tensor" || config.optimizer_scale == "tensor")) {
    return fmt::format(
        "{} looks at whole stored tensors (optimizer_direction = {}, optimizer_scale = {}): one qkv of (3d, "
        "d) is "
        "not three of (d, d) to it",
        rule, config.optimizer_direction, config.optimizer_scale);
  }
  if (config.clip > 0 && config.clip_by == "tensor") {
    return "clip_by = tensor clips each stored tensor by its own norm: one qkv is not three to it";
  }
  return "";
}

}  // namespace lockstep::train
