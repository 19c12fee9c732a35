#include "train/config/toml.h"

#include <toml++/toml.h>

#include <algorithm>

#include "core/error.h"
#include "data/files/atomic_file.h"
#include "train/config/key.h"
#include "train/config/recipe.h"
#include "train/text/nearest.h"

namespace lockstep::train {

namespace {

const char* type_name(const std::int64_t*) { return "an integer"; }
const char* type_name(const double*) { return "a number"; }
const char* type_name(const std::string*) { return "a string"; }
const char* type_name(const std::vector<std::string>*) { return "a list of strings"; }

const char* type_name(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::integer:
      return "an integer";
    case toml::node_type::floating_point:
      return "a decimal number";
    case toml::node_type::string:
      return "a string";
    case toml::node_type::boolean:
      return "true or false";
    case toml::node_type::array:
      return "a list of something else";
    case toml::node_type::table:
      return "a table";
    default:
      return "a date or time";
  }
}

struct Place {
  std::string origin;
  std::string at(const toml::node& node) const {
    return fmt::format("{}:{}", origin, node.source().begin.line);
  }
};

template <typename T>
bool read_value(const toml::node& node, T& value) {
  if constexpr (std::is_same_v<T, std::vector<std::string>>) {
    const toml::array* list = node.as_array();
    if (!list) return false;
    value.clear();
    for (const toml::node& item : *list) {
      const auto text = item.value_exact<std::string>();
      if (!text) return false;
      value.push_back(*text);
    }
    return true;
  } else {
    const auto found =
        std::is_same_v<T, double> && node.is_integer() ? node.value<T>() : node.value_exact<T>();
    if (found) value = *found;
    return found.has_value();
  }
}

// Sets the member that the key names. False if there is no such key.
template <typename Config>
bool set_key(const std::string& name, const toml::node& node, std::span<const Key<Config>> keys,
             Config& config, const Place& place) {
  for (const Key<Config>& key : keys) {
    if (key.name != name) continue;
    std::visit(
        [&](auto member) {
          auto& value = config.*member;
          check(read_value(node, value), "{}: {} must be {}, not {}: {}", place.at(node), name,
                type_name(&value), type_name(node), help_of(key));
        },
        key.member);
    return true;
  }
  return false;
}

template <typename... Config>
[[noreturn]] void fail_unknown(const std::string& name, const toml::node& node, const Place& place,
                               std::span<const Key<Config>>... keys) {
  std::vector<std::string> names;
  (std::transform(keys.begin(), keys.end(), std::back_inserter(names),
                  [](const auto& key) { return key.name; }),
   ...);
  const std::string near = nearest(name, names);
  fail("{}: unknown key \"{}\"{}", place.at(node), name,
       near.empty() ? ": lockstep study --help lists them" : fmt::format(": did you mean \"{}\"?", near));
}

// A key of 50,000 dots is as many tables in each other, which the parser's own code walks by recursion.
void expect_flat(const std::string& text, const std::string& origin) {
  constexpr std::ptrdiff_t most_dots = 1000;
  for (std::size_t begin = 0, line = 1; begin < text.size(); ++line) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const auto dots =
        std::count(text.begin() + std::ptrdiff_t(begin), text.begin() + std::ptrdiff_t(end), '.');
    check(dots <= most_dots, "{}:{}: {} dots in a line: no study has so many", origin, line, dots);
    begin = end + 1;
  }
}

toml::table parse(const std::string& text, const std::string& origin) {
  expect_flat(text, origin);
  try {
    return toml::parse(text, origin);
  } catch (const toml::parse_error& error) {
    fail("{}:{}: not valid TOML: {}", origin, error.source().begin.line, error.description());
  }
}

// The task comes first: it decides what the other keys default to.
std::string task_of(const toml::table& table, const Place& place) {
  const toml::node* node = table.get("task");
  if (!node) return "copy";
  std::string task;
  check(read_value(*node, task), "{}: task must be a string, not {}: see lockstep tasks", place.at(*node),
        type_name(*node));
  return task;
}

// What `action` gives; its errors name the place.
template <typename Action>
auto at_place(const std::string& place, Action&& action) {
  try {
    return action();
  } catch (const Error& error) {
    fail("{}: {}", place, error.what());
  }
}

ExperimentConfig read_experiment(const toml::table& table, const Place& place) {
  const std::string task = task_of(table, place);
  const toml::node* const named = table.get("task");
  ExperimentConfig experiment =
      at_place(place.at(named ? *named : table), [&] { return experiment_for(task); });
  for (const auto& [key, node] : table) {
    const std::string name(key.str());
    if (!set_key(name, node, run_keys(), experiment.run, place) &&
        !set_key(name, node, experiment_keys(), experiment, place)) {
      fail_unknown(name, node, place, run_keys(), experiment_keys());
    }
  }
  return experiment;
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      out += fmt::format("\\u{:04X}", static_cast<int>(c));
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string written(std::int64_t value) { return std::to_string(value); }
std::string written(const std::string& value) { return quoted(value); }
std::string written(double value) {
  const std::string text = fmt::format("{}", value);
  return text.find_first_of(".en") == std::string::npos ? text + ".0" : text;
}
std::string written(const std::vector<std::string>& value) {
  std::string out = "[";
  for (std::size_t i = 0; i < value.size(); ++i) out += (i > 0 ? ", " : "") + quoted(value[i]);
  return out + "]";
}

template <typename Config>
std::string lines(std::span<const Key<Config>> keys, const Config& config) {
  std::string out;
  for (const Key<Config>& key : keys) {
    const std::string value = std::visit([&](auto member) { return written(config.*member); }, key.member);
    out += fmt::format("{:<40} # {}\n", fmt::format("{} = {}", key.name, value), help_of(key));
  }
  return out;
}

}  // namespace

StudyConfig parse_study(const std::string& text, const std::string& origin) {
  const toml::table root = parse(text, origin);
  const Place place{origin};
  StudyConfig study;
  for (const auto& [key, node] : root) {
    const std::string name(key.str());
    if (name == "experiment") {
      const toml::array* list = node.as_array();
      check(list && list->is_homogeneous(toml::node_type::table),
            "{}: experiment must be written as [[experiment]]", place.at(node));
      for (const toml::node& item : *list)
        study.experiments.push_back(read_experiment(*item.as_table(), place));
    } else if (!set_key(name, node, study_keys(), study, place)) {
      // Keys of an experiment at the top are the likely mistake: say where they belong.
      std::vector<std::string> inner;
      for (const auto& k : run_keys()) inner.push_back(k.name);
      for (const auto& k : experiment_keys()) inner.push_back(k.name);
      check(std::find(inner.begin(), inner.end(), name) == inner.end(),
            "{}: \"{}\" belongs under [[experiment]]", place.at(node), name);
      fail_unknown(name, node, place, study_keys(), run_keys(), experiment_keys());
    }
  }
  check(!study.experiments.empty(), "{}: a study needs at least one [[experiment]]", origin);
  return study;
}

StudyConfig read_study(const std::string& path) { return parse_study(data::read_file(path), path); }

std::string to_toml(const StudyConfig& study) {
  std::string out = lines(study_keys(), study);
  for (const ExperimentConfig& experiment : study.experiments) {
    out += "\n[[experiment]]\n" + lines(run_keys(), experiment.run) + lines(experiment_keys(), experiment);
  }
  return out;
}

RunConfig parse_run(const std::string& text, const std::string& origin) {
  const toml::table root = parse(text, origin);
  const Place place{origin};
  RunConfig run = defaults_for(task_of(root, place));
  for (const auto& [key, node] : root) {
    const std::string name(key.str());
    if (!set_key(name, node, run_keys(), run, place)) fail_unknown(name, node, place, run_keys());
  }
  return run;
}

std::string to_toml(const RunConfig& run) { return lines(run_keys(), run); }

}  // namespace lockstep::train
