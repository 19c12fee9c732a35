#include "train/config/defaults.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/joined.h"
#include "data/tasks/task.h"
#include "train/config/recipe.h"

namespace lockstep::train {

namespace {

std::string written(const std::string& value) { return value; }
std::string written(const std::vector<std::string>& values) { return joined(values, ","); }
template <typename Number>
std::string written(Number value) {
  return fmt::format("{}", value);
}

template <typename Config>
std::string default_from(const Key<Config>& key, Config (*config_of)(const std::string&)) {
  std::vector<std::string> values;
  for (const data::TaskInfo& task : data::tasks()) {
    const Config config = config_of(task.name);
    values.push_back(std::visit([&](auto member) { return written(config.*member); }, key.member));
  }
  const bool same = std::ranges::all_of(values, [&](const std::string& v) { return v == values.front(); });
  if (values.front().empty()) return "default none";
  return same || key.name == "task"
             ? "default " + values.front()
             : fmt::format("default by task, {} {}", data::tasks().front().name, values.front());
}

}  // namespace

std::string default_of(const Key<RunConfig>& key) { return default_from(key, defaults_for); }
std::string default_of(const Key<ExperimentConfig>& key) { return default_from(key, experiment_for); }

}  // namespace lockstep::train
