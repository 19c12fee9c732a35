#include "train/config/difference.h"

#include <algorithm>

#include "core/error.h"
#include "core/joined.h"
#include "train/config/key.h"

namespace lockstep::train {

namespace {

std::string text_of(std::int64_t value) { return fmt::format("{}", value); }
std::string text_of(double value) { return fmt::format("{}", value); }
std::string text_of(const std::string& value) { return fmt::format("\"{}\"", value); }
std::string text_of(const std::vector<std::string>& value) { return fmt::format("[{}]", joined(value)); }

template <typename Config>
void compare(std::span<const Key<Config>> keys, const Config& a, const Config& b,
             std::vector<std::string>& found) {
  for (const Key<Config>& key : keys) {
    const auto compare_member = [&](auto member) {
      if (a.*member != b.*member)
        found.push_back(fmt::format("{}: {}, {}", key.name, text_of(a.*member), text_of(b.*member)));
    };
    std::visit(compare_member, key.member);
  }
}

}  // namespace

std::vector<std::string> differences(const RunConfig& a, const RunConfig& b) {
  std::vector<std::string> found;
  compare(run_keys(), a, b, found);
  return found;
}

std::vector<std::string> differences(const ExperimentConfig& a, const ExperimentConfig& b) {
  std::vector<std::string> found = differences(a.run, b.run);
  compare(experiment_keys(), a, b, found);
  return found;
}

std::vector<std::string> differences(const StudyConfig& a, const StudyConfig& b) {
  std::vector<std::string> found;
  if (a.name != b.name) found.push_back(fmt::format("name: \"{}\", \"{}\"", a.name, b.name));
  const std::size_t first = a.experiments.size(), second = b.experiments.size();
  if (first != second) found.push_back(fmt::format("experiments: {}, {}", first, second));
  for (std::size_t i = 0; i < std::min(first, second); ++i) {
    for (const std::string& text : differences(a.experiments[i], b.experiments[i]))
      found.push_back(first == 1 ? text : fmt::format("experiment {}, {}", i + 1, text));
  }
  return found;
}

}  // namespace lockstep::train
