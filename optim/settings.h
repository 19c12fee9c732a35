#pragma once

#include <array>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "core/parameter.h"

// Options by name, as a study file, a command line or a fixture gives them. An options struct says its fields
// in visit(field): field("lr", lr, at_least(0)).
namespace lockstep::optim {

// least <= value < below. NaN is in no range but that of all numbers.
struct Range {
  double least = -std::numeric_limits<double>::infinity(), below = std::numeric_limits<double>::infinity();
};
constexpr Range at_least(double least) { return {.least = least}; }
inline constexpr Range below_one = {0, 1};

// The words for an enumeration's values, in its order.
template <typename Enumeration>
inline constexpr std::array<const char*, 0> words = {};
template <>
inline constexpr std::array words<Granularity> = {"tensor", "part", "head"};

// std::monostate: none. In a list, NaN is none.
using Setting = std::variant<std::monostate, bool, double, std::string, std::vector<double>>;
using Settings = std::map<std::string, Setting>;

std::string to_string(const Setting& setting);

// "a, b, c", for messages.
std::string listed(const auto& names) {
  std::string list;
  for (const auto& name : names) list.append(list.empty() ? "" : ", ").append(name);
  return list;
}

template <typename T>
concept Enumeration = std::is_enum_v<T>;

// Fills the fields of an options struct.
class SettingsReader {
 public:
  // foreach, fused, capturable and differentiable, which say how PyTorch executes a step, are passed over.
  SettingsReader(std::string rule, const Settings& settings);

  void operator()(const std::string& name, bool& value, Range = {}) { read(name, value); }
  void operator()(const std::string& name, double& value, Range = {}) { read(name, value); }
  void operator()(const std::string& name, int& value, Range = {});
  void operator()(const std::string& name, std::optional<double>& value, Range = {});
  template <std::size_t n>
  void operator()(const std::string& name, std::array<double, n>& value, Range = {}) {
    std::vector<double> list(value.begin(), value.end());
    if (!read(name, list)) return;
    check(list.size() == n, "[{}] {} takes {} numbers, got {}", rule_, name, n, list.size());
    std::copy(list.begin(), list.end(), value.begin());
  }
  void operator()(const std::string& name, Enumeration auto& value, Range = {}) {
    using E = std::decay_t<decltype(value)>;
    value = static_cast<E>(read_word(name, words<E>, static_cast<std::size_t>(value)));
  }

  // Throws if a setting was left over.
  void finish() const;

 private:
  // Whether the setting is there. Throws where it is of another type.
  template <typename T>
  bool read(const std::string& name, T& value);
  // Whether it is there and says "none", which leaves the default.
  bool read_none(const std::string& name);
  std::size_t read_word(const std::string& name, std::span<const char* const> known, std::size_t now);

  std::string rule_, known_;
  Settings left_;
};

// Collects the fields of an options struct.
struct SettingsWriter {
  Settings settings;

  void operator()(const std::string& name, bool value, Range = {}) { settings[name] = value; }
  void operator()(const std::string& name, double value, Range = {}) { settings[name] = value; }
  void operator()(const std::string& name, int value, Range = {}) {
    settings[name] = static_cast<double>(value);
  }
  void operator()(const std::string& name, const std::optional<double>& value, Range = {}) {
    settings[name] = value ? Setting(*value) : Setting();
  }
  template <std::size_t n>
  void operator()(const std::string& name, const std::array<double, n>& value, Range = {}) {
    settings[name] = std::vector<double>(value.begin(), value.end());
  }
  void operator()(const std::string& name, Enumeration auto value, Range = {}) {
    settings[name] = std::string(words<decltype(value)>[static_cast<std::size_t>(value)]);
  }
};

// Throws for a number outside of its range.
struct RangeChecker {
  const char* rule;

  void operator()(const char* name, double value, Range range) const;
  void operator()(const char* name, const std::optional<double>& value, Range range) const {
    if (value) (*this)(name, *value, range);
  }
  template <std::size_t n>
  void operator()(const char* name, const std::array<double, n>& values, Range range) const {
    for (const double value : values) (*this)(name, value, range);
  }
  void operator()(const char*, const auto&) const {}
};

// Whether the options say by which rows a rule looks at a matrix: then it couples what is stored together.
struct GranularityFinder {
  bool found = false;
  void operator()(const char*, Granularity, Range = {}) { found = true; }
  void operator()(const char*, const auto&, Range = {}) {}
};

// Throws for values that make no sense.
template <typename Options>
void validate(Options options) {
  const RangeChecker ranges{Options::name};
  options.visit(ranges);
  if constexpr (requires { options.validate(); }) options.validate();
}

// Options with the given settings, the others by default. Throws for a setting that the rule has not, or of
// another type.
template <typename Options>
Options options_from(const std::string& rule, const Settings& settings) {
  Options options;
  SettingsReader reader(rule, settings);
  options.visit(reader);
  reader.finish();
  return options;
}

template <typename Options>
Settings settings_of(Options options) {
  SettingsWriter writer;
  options.visit(writer);
  return writer.settings;
}

template <typename Options>
bool couples_rows() {
  GranularityFinder finder;
  Options().visit(finder);
  return finder.found;
}

}  // namespace lockstep::optim
