#pragma once

#include <array>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "core/parameter.h"

// Options by name, as a study file, a command line or a fixture gives them. An options struct lists its
// fields in visit(field): field("lr", lr, at_least(0)).
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

// A field's value as a setting, and back. assign() throws for a setting of another type, and begins the error
// with `where`, "[AdamW] lr". None empties an optional number, and leaves a word as it is.
inline Setting setting_of(bool value) { return value; }
inline Setting setting_of(double value) { return value; }
inline Setting setting_of(int value) { return static_cast<double>(value); }
Setting setting_of(const std::optional<double>& value);
Setting setting_of(std::span<const double> values);
void assign(bool& to, const Setting& from, const std::string& where);
void assign(double& to, const Setting& from, const std::string& where);
void assign(int& to, const Setting& from, const std::string& where);
void assign(std::optional<double>& to, const Setting& from, const std::string& where);
void assign(std::span<double> to, const Setting& from, const std::string& where);
std::size_t word_of(std::span<const char* const> known, std::size_t now, const Setting& from,
                    const std::string& where);

template <typename T>
concept Enumeration = std::is_enum_v<T>;
template <Enumeration E>
Setting setting_of(E value) {
  return std::string(words<E>[static_cast<std::size_t>(value)]);
}
template <Enumeration E>
void assign(E& to, const Setting& from, const std::string& where) {
  to = static_cast<E>(word_of(words<E>, static_cast<std::size_t>(to), from, where));
}

// The fields of an options struct, which must outlive this.
class OptionFields {
 public:
  template <typename Options>
  explicit OptionFields(Options& options) {
    options.visit(*this);
  }
  template <typename T>
  void operator()(const std::string& name, T& value, Range range = {}) {
    fields_.push_back(
        {name, range, std::is_same_v<T, Granularity>, [&value] { return setting_of(value); },
         [&value](const Setting& given, const std::string& where) { assign(value, given, where); }});
  }

  Settings settings() const;
  // Sets what is given. Throws, in the name of the rule, for a setting that there is not, or of another type.
  // foreach, fused, capturable and differentiable, which say how PyTorch executes a step, are passed over.
  void set(const std::string& rule, Settings given) const;
  // Throws for a number outside of its range.
  void check_ranges(const char* rule) const;
  // Whether they say by which rows a rule looks at a matrix: then it couples what is stored together.
  bool couple_rows() const;

 private:
  struct Field {
    std::string name;
    Range range;
    bool is_granularity;
    std::function<Setting()> get;
    std::function<void(const Setting& given, const std::string& where)> set;
  };
  std::vector<Field> fields_;
};

// The fields that most rules have, by PyTorch's names, with the ranges that they share.
template <typename Options>
void visit_common(Options& o, auto& field) {
  field("lr", o.lr, at_least(0));
  if constexpr (requires { o.betas; }) field("betas", o.betas, below_one);
  if constexpr (requires { o.momentum; }) field("momentum", o.momentum, at_least(0));
  if constexpr (requires { o.eps < 0; }) field("eps", o.eps, at_least(0));
  if constexpr (requires { o.weight_decay; }) field("weight_decay", o.weight_decay, at_least(0));
  if constexpr (requires { o.decoupled_weight_decay; })
    field("decoupled_weight_decay", o.decoupled_weight_decay);
  if constexpr (requires { o.nesterov; }) field("nesterov", o.nesterov);
  if constexpr (requires { o.maximize; }) field("maximize", o.maximize);
  if constexpr (requires { o.direction_by; }) field("direction_by", o.direction_by);
  if constexpr (requires { o.scale_by; }) field("scale_by", o.scale_by);
  if constexpr (requires { o.vectors_by; }) field("vectors_by", o.vectors_by);
}

// Throws for values that make no sense.
template <typename Options>
void validate(Options options) {
  OptionFields(options).check_ranges(Options::name);
  if constexpr (requires { options.validate(); }) options.validate();
}

// Options with the given settings, the others by default.
template <typename Options>
Options options_from(const std::string& rule, const Settings& settings) {
  Options options;
  OptionFields(options).set(rule, settings);
  return options;
}

template <typename Options>
Settings default_settings() {
  Options options;
  return OptionFields(options).settings();
}

template <typename Options>
bool couples_rows() {
  Options options;
  return OptionFields(options).couple_rows();
}

}  // namespace lockstep::optim
