#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <string>

namespace lockstep {

// What every part of Lockstep throws for a wrong input or an impossible request. The message names the place,
// what was expected, what came and, where it helps, what to do: "[matmul] inner sizes differ: (2, 3) x (4,
// 5): 3 != 4".
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

template <typename... Args>
[[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) {
  throw Error(fmt::format(format, std::forward<Args>(args)...));
}

// Throws an Error with the formatted message unless `ok`.
template <typename... Args>
void check(bool ok, fmt::format_string<Args...> format, Args&&... args) {
  if (!ok) fail(format, std::forward<Args>(args)...);
}

}  // namespace lockstep
