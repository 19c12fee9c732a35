#include "train/config/typed.h"

#include <algorithm>

#include "core/error.h"
#include "train/config/key.h"
#include "train/text/text_layout.h"

namespace lockstep::train {

namespace {

template <typename Config>
const Key<Config>* find(std::span<const Key<Config>> keys, const std::string& name) {
  const auto key = std::ranges::find(keys, name, &Key<Config>::name);
  return key == keys.end() ? nullptr : &*key;
}

template <typename Config, typename Number>
void read(const Key<Config>& key, const std::string& text, Number& value) {
  value = number_from<Number>(option_of(key.name), text, key.range);
}

template <typename Config>
void read(const Key<Config>& key, const std::string& text, std::string& value) {
  check(!text.empty(), "{} \"\": expected a word: {}", option_of(key.name), help_of(key));
  value = text;
}

template <typename Config>
void read(const Key<Config>& key, const std::string& text, std::vector<std::string>& values) {
  values.clear();
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t comma = std::min(text.find(',', start), text.size());
    read(key, text.substr(start, comma - start), values.emplace_back());
    start = comma + 1;
  }
}

template <typename Config>
void set(const Key<Config>& key, Config& config, const std::string& text) {
  std::visit([&](auto member) { read(key, text, config.*member); }, key.member);
  check_value(key, config);
}

template <typename Config>
void set(std::span<const Key<Config>> keys, Config& config, const std::string& name,
         const std::string& text) {
  const Key<Config>* const key = find(keys, name);
  check(key, "there is no key \"{}\"", name);
  set(*key, config, text);
}

}  // namespace

void set_from_text(StudyConfig& study, const std::string& key, const std::string& text) {
  set(study_keys(), study, key, text);
}

void set_from_text(RunConfig& run, const std::string& key, const std::string& text) {
  set(run_keys(), run, key, text);
}

void set_from_text(ExperimentConfig& experiment, const std::string& key, const std::string& text) {
  if (const auto* const own = find(experiment_keys(), key)) return set(*own, experiment, text);
  set(run_keys(), experiment.run, key, text);
}

}  // namespace lockstep::train
