#include "train/text/range.h"

#include <charconv>
#include <cmath>

#include "core/error.h"

namespace lockstep::train {

bool Range::contains(double value) const {
  return std::isfinite(value) && (without_least ? value > least : value >= least) &&
         (without_most ? value < most : value <= most);
}

std::string Range::text() const {
  std::string text;
  const bool below = std::isfinite(least), above = std::isfinite(most);
  if (below && above) {
    text = fmt::format("{}{} to {}{}", without_least ? "more than " : "", least,
                       without_most ? "less than " : "", most);
  } else if (below) {
    text = without_least ? fmt::format("more than {}", least) : fmt::format("{} or more", least);
  }
  return *note == 0 ? text : fmt::format("{} ({})", text, note);
}

template <typename Number>
Number number_from(const std::string& option, const std::string& text, const Range& range) {
  constexpr bool whole = std::is_integral_v<Number>;
  const std::size_t digits = text.starts_with('-') ? 1 : 0;
  const bool padded =
      text.size() > digits + 1 && text[digits] == '0' && text[digits + 1] >= '0' && text[digits + 1] <= '9';
  Number value{};
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  const bool read = error == std::errc() && rest == end && !padded;
  const std::string allowed = range.text();
  check(read && range.contains(static_cast<double>(value)), "{} {}: expected {}{}", option,
        text.empty() ? "\"\"" : text, whole ? "a whole number" : "a number",
        allowed.empty() ? "" : (allowed.find(" to ") != std::string::npos ? " from " : ", ") + allowed);
  return value;
}

template std::int64_t number_from(const std::string&, const std::string&, const Range&);
template double number_from(const std::string&, const std::string&, const Range&);

}  // namespace lockstep::train
