#pragma once

#include <pybind11/stl.h>

#include <string>

#include "core/error.h"

namespace lockstep {

// Keyword arguments as a struct of options, by pairs of a name and a member: options<O>(kwargs, "lr", &O::lr,
// ...). What is not given keeps its default. Throws for a name that is none of them.
template <typename Options>
void take(const pybind11::kwargs&, Options&) {}
template <typename Options, typename Member, typename... More>
void take(const pybind11::kwargs& given, Options& options, const char* name, Member Options::*member,
          More... more) {
  if (given.contains(name)) options.*member = given[name].cast<Member>();
  take(given, options, more...);
}
template <typename Options, typename... Pairs>
Options options(const pybind11::kwargs& given, Pairs... pairs) {
  Options made;
  take(given, made, pairs...);
  std::string known;
  const auto note = [&](const auto& one) {
    if constexpr (std::is_convertible_v<decltype(one), const char*>) known += std::string(" ") + one;
  };
  (note(pairs), ...);
  for (const auto& [name, value] : given) {
    const auto word = name.template cast<std::string>();
    check((known + " ").find(" " + word + " ") != std::string::npos,
          "there is no option {}: expected one of{}", word, known);
  }
  return made;
}

}  // namespace lockstep
