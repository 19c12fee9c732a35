#include "train/config/key.h"

#include <algorithm>

#include "core/error.h"
#include "core/joined.h"
#include "train/text/nearest.h"

namespace lockstep::train {

std::string option_of(const std::string& key) {
  std::string option = "--" + key;
  std::replace(option.begin(), option.end(), '_', '-');
  return option;
}

template <typename Config>
std::string help_of(const Key<Config>& key) {
  if (key.words) return fmt::format("{}: {}", key.help, joined(key.words()));
  const std::string range = key.range.text();
  return range.empty() ? key.help : fmt::format("{}, {}", key.help, range);
}

namespace {

template <typename Config, typename Number>
void check_one(const Key<Config>& key, Number value) {
  check(key.range.contains(static_cast<double>(value)), "{} = {} is out of range: expected {}", key.name,
        value, key.range.text());
}

template <typename Config>
void check_one(const Key<Config>& key, const std::string& value) {
  if (key.words) expect_one_of(key.name, value, key.words());
}

template <typename Config>
void check_one(const Key<Config>& key, const std::vector<std::string>& values) {
  for (auto value = values.begin(); value != values.end(); ++value) {
    check_one(key, *value);
    check(std::find(values.begin(), value, *value) == value, "{} names \"{}\" twice: once is enough",
          key.name, *value);
  }
}

}  // namespace

template <typename Config>
void check_value(const Key<Config>& key, const Config& config) {
  std::visit([&](auto member) { check_one(key, config.*member); }, key.member);
}

template std::string help_of(const Key<RunConfig>&);
template std::string help_of(const Key<ExperimentConfig>&);
template std::string help_of(const Key<StudyConfig>&);
template void check_value(const Key<RunConfig>&, const RunConfig&);
template void check_value(const Key<ExperimentConfig>&, const ExperimentConfig&);
template void check_value(const Key<StudyConfig>&, const StudyConfig&);

}  // namespace lockstep::train
