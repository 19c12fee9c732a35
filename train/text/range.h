#pragma once

#include <cstdint>
#include <limits>
#include <string>

// Numbers as typed: what is allowed, and reading them.
namespace lockstep::train {

// Which finite numbers are allowed.
struct Range {
  double least = -std::numeric_limits<double>::infinity();
  double most = std::numeric_limits<double>::infinity();
  bool without_least = false, without_most = false;
  const char* note = "";  // "0: one for each core"

  bool contains(double value) const;
  // "1 to 1000", "0 or more", "more than 0", "0 to less than 1"; followed by the note in brackets.
  std::string text() const;
};

inline constexpr double any_size = 1e15;  // whole numbers up to here are exact in f64

// The number that the text is, and nothing else: no blanks, no leading zeros or plus, no NaN. Throws with
// what was expected, under the name of the option.
template <typename Number>
Number number_from(const std::string& option, const std::string& text, const Range& range);

extern template std::int64_t number_from(const std::string&, const std::string&, const Range&);
extern template double number_from(const std::string&, const std::string&, const Range&);

}  // namespace lockstep::train
