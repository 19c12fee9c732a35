#include "optim/settings.h"

#include <algorithm>
#include <cmath>

namespace lockstep::optim {

namespace {

template <typename T>
constexpr const char* expected = "";
template <>
constexpr const char* expected<bool> = "true or false";
template <>
constexpr const char* expected<double> = "a number";
template <>
constexpr const char* expected<std::string> = "a word";
template <>
constexpr const char* expected<std::vector<double>> = "a list of numbers";

}  // namespace

std::string to_string(const Setting& setting) {
  struct Text {
    std::string operator()(std::monostate) const { return "none"; }
    std::string operator()(bool value) const { return value ? "true" : "false"; }
    std::string operator()(double value) const {
      return std::isnan(value) ? "none" : fmt::format("{}", value);
    }
    std::string operator()(const std::string& value) const { return "\"" + value + "\""; }
    std::string operator()(const std::vector<double>& values) const {
      std::string text;
      for (double value : values) text += (text.empty() ? "" : ", ") + (*this)(value);
      return "[" + text + "]";
    }
  };
  return std::visit(Text{}, setting);
}

SettingsReader::SettingsReader(std::string rule, const Settings& settings)
    : rule_(std::move(rule)), left_(settings) {
  for (const char* execution : {"foreach", "fused", "capturable", "differentiable"}) left_.erase(execution);
}

template <typename T>
bool SettingsReader::read(const std::string& name, T& value) {
  known_ += (known_.empty() ? "" : ", ") + name;
  const auto found = left_.find(name);
  if (found == left_.end()) return false;
  const T* given = std::get_if<T>(&found->second);
  check(given != nullptr, "[{}] {} takes {}, got {}", rule_, name, expected<T>, to_string(found->second));
  value = *given;
  left_.erase(found);
  return true;
}

template bool SettingsReader::read(const std::string&, bool&);
template bool SettingsReader::read(const std::string&, double&);
template bool SettingsReader::read(const std::string&, std::vector<double>&);

bool SettingsReader::read_none(const std::string& name) {
  const auto found = left_.find(name);
  if (found == left_.end() || !std::holds_alternative<std::monostate>(found->second)) return false;
  left_.erase(found);
  return true;
}

void SettingsReader::operator()(const std::string& name, int& value, Range) {
  double number = value;
  if (!read(name, number)) return;
  check(number == std::trunc(number) && std::abs(number) < 1e9, "[{}] {} takes a whole number, got {}", rule_,
        name, number);
  value = static_cast<int>(number);
}

void SettingsReader::operator()(const std::string& name, std::optional<double>& value, Range) {
  double number = 0;
  if (read_none(name)) {
    value.reset();
  } else if (read(name, number)) {
    value = number;
  }
}

std::size_t SettingsReader::read_word(const std::string& name, std::span<const char* const> known,
                                      std::size_t now) {
  std::string word;
  if (read_none(name) || !read(name, word)) return now;
  const auto found = std::find(known.begin(), known.end(), word);
  check(found != known.end(), "[{}] {} must be one of {}, got \"{}\"", rule_, name, listed(known), word);
  return static_cast<std::size_t>(found - known.begin());
}

void SettingsReader::finish() const {
  check(left_.empty(), "[{}] has no option \"{}\"; it has {}", rule_,
        left_.empty() ? "" : left_.begin()->first, known_);
}

void RangeChecker::operator()(const char* name, double value, Range range) const {
  const bool bounded = range.below < std::numeric_limits<double>::infinity();
  check(value >= range.least && (!bounded || value < range.below), "[{}] {} must be {} or more{}, got {}",
        rule, name, range.least, bounded ? fmt::format(" and less than {}", range.below) : "", value);
}

}  // namespace lockstep::optim
