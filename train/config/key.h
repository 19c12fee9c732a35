#pragma once

#include <span>
#include <string>
#include <variant>
#include <vector>

#include "train/config/config.h"
#include "train/text/range.h"

namespace lockstep::train {

// A setting under its one name, in files and on the command line ("weight_decay", --weight-decay), with what
// it may be. Validation, help, the comments of study files and errors come from here.
template <typename Config>
struct Key {
  using Member = std::variant<std::int64_t Config::*, double Config::*, std::string Config::*,
                              std::vector<std::string> Config::*>;
  std::string name;
  Member member;
  std::string help;
  Range range = {};                               // of numbers
  std::vector<std::string> (*words)() = nullptr;  // of text and lists; null: any
};

std::span<const Key<RunConfig>> run_keys();
std::span<const Key<ExperimentConfig>> experiment_keys();
std::span<const Key<StudyConfig>> study_keys();

// The option that sets a key: --weight-decay for weight_decay.
std::string option_of(const std::string& key);

// The help followed by the words or the range: "hidden size (1 to 1000000)".
template <typename Config>
std::string help_of(const Key<Config>& key);

// Throws unless the configuration's value of the key is an allowed one.
template <typename Config>
void check_value(const Key<Config>& key, const Config& config);

}  // namespace lockstep::train
