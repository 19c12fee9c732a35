#pragma once

#include <span>
#include <string>
#include <variant>
#include <vector>

#include "train/config/config.h"

namespace lockstep::train {

// A setting under its one name, in files and on the command line ("weight_decay", --weight-decay).
template <typename Config>
struct Key {
  using Member = std::variant<std::int64_t Config::*, double Config::*, std::string Config::*,
                              std::vector<std::string> Config::*>;
  std::string name;
  Member member;
  std::string help;
};

std::span<const Key<RunConfig>> run_keys();
std::span<const Key<ExperimentConfig>> experiment_keys();
std::span<const Key<StudyConfig>> study_keys();

// The option that sets a key: --weight-decay for weight_decay.
std::string option_of(const std::string& key);

// The name nearest to `word`: by edit distance, then by the letters in front; empty where none is near.
std::string nearest(const std::string& word, std::span<const std::string> names);

// Throws, with the nearest and all of `allowed`, unless the value of the key is one of them.
void expect_one_of(const std::string& key, const std::string& value, const std::vector<std::string>& allowed);

// In which keys two configurations differ, each as "steps: 300, 400". The time a study takes, its question
// and its threads decide no number and count for nothing.
std::vector<std::string> differences(const ExperimentConfig& a, const ExperimentConfig& b);
std::vector<std::string> differences(const StudyConfig& a, const StudyConfig& b);

// Reads a study file. Throws with file, line and the nearest known key for an unknown one, and with the
// expected type for a wrong one.
StudyConfig read_study(const std::string& path);
StudyConfig parse_study(const std::string& text, const std::string& origin);
// The complete file that gives this configuration again, with a comment on every key.
std::string to_toml(const StudyConfig& study);
std::string to_toml(const RunConfig& run);
// Sets one key from the command line. `text` is as typed: 0.01, xavier_uniform, or draw,coupling for a list.
void set_from_text(StudyConfig& study, const std::string& key, const std::string& text);
void set_from_text(RunConfig& run, const std::string& key, const std::string& text);
void set_from_text(ExperimentConfig& experiment, const std::string& key, const std::string& text);
RunConfig parse_run(const std::string& text, const std::string& origin);

}  // namespace lockstep::train
