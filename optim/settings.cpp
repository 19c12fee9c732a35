#include "optim/settings.h"

#include <algorithm>
#include <cmath>
#include <ranges>

#include "core/error.h"
#include "core/joined.h"

namespace lockstep::optim {
namespace {

template <typename T>
const T& get(const Setting& from, const std::string& where, const char* expected) {
  const T* const value = std::get_if<T>(&from);
  check(value != nullptr, "{} takes {}, got {}", where, expected, to_string(from));
  return *value;
}

bool is_none(const Setting& setting) { return std::holds_alternative<std::monostate>(setting); }

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
      return fmt::format("[{}]", joined(values | std::views::transform(*this)));
    }
  };
  return std::visit(Text{}, setting);
}

Setting setting_of(const std::optional<double>& value) { return value ? Setting(*value) : Setting(); }
Setting setting_of(std::span<const double> values) {
  return std::vector<double>(values.begin(), values.end());
}

void assign(bool& to, const Setting& from, const std::string& where) {
  to = get<bool>(from, where, "true or false");
}
void assign(double& to, const Setting& from, const std::string& where) {
  to = get<double>(from, where, "a number");
}
void assign(int& to, const Setting& from, const std::string& where) {
  const double number = get<double>(from, where, "a number");
  check(number == std::trunc(number) && std::abs(number) < 1e9, "{} takes a whole number, got {}", where,
        number);
  to = static_cast<int>(number);
}
void assign(std::optional<double>& to, const Setting& from, const std::string& where) {
  to = is_none(from) ? std::nullopt : std::optional(get<double>(from, where, "a number"));
}
void assign(std::span<double> to, const Setting& from, const std::string& where) {
  const auto& list = get<std::vector<double>>(from, where, "a list of numbers");
  check(list.size() == to.size(), "{} takes {} numbers, got {}", where, to.size(), list.size());
  std::ranges::copy(list, to.begin());
}
std::size_t word_of(std::span<const char* const> known, std::size_t now, const Setting& from,
                    const std::string& where) {
  if (is_none(from)) return now;
  const auto& word = get<std::string>(from, where, "a word");
  const auto found = std::ranges::find(known, word);
  check(found != known.end(), "{} must be one of {}, got \"{}\"", where, joined(known), word);
  return static_cast<std::size_t>(found - known.begin());
}

Settings OptionFields::settings() const {
  Settings settings;
  for (const Field& field : fields_) settings[field.name] = field.get();
  return settings;
}

void OptionFields::set(const std::string& rule, Settings given) const {
  for (const char* execution : {"foreach", "fused", "capturable", "differentiable"}) given.erase(execution);
  for (const Field& field : fields_) {
    if (const auto setting = given.extract(field.name); !setting.empty())
      field.set(setting.mapped(), fmt::format("[{}] {}", rule, field.name));
  }
  check(given.empty(), "[{}] has no option \"{}\"; it has {}", rule,
        given.empty() ? "" : given.begin()->first, joined(fields_ | std::views::transform(&Field::name)));
}

void OptionFields::check_ranges(const char* rule) const {
  for (const Field& field : fields_) {
    const Range range = field.range;
    if (!std::isfinite(range.least)) continue;
    const bool bounded = std::isfinite(range.below);
    const Setting setting = field.get();
    std::vector<double> numbers;
    if (const auto* const number = std::get_if<double>(&setting)) numbers = {*number};
    if (const auto* const list = std::get_if<std::vector<double>>(&setting)) numbers = *list;
    for (const double number : numbers) {
      check(number >= range.least && (!bounded || number < range.below),
            "[{}] {} must be {} or more{}, got {}", rule, field.name, range.least,
            bounded ? fmt::format(" and less than {}", range.below) : "", number);
    }
  }
}

bool OptionFields::couple_rows() const { return std::ranges::any_of(fields_, &Field::is_granularity); }

}  // namespace lockstep::optim
