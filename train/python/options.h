#pragma once

#include <fmt/ranges.h>
#include <pybind11/stl.h>

#include <string>
#include <utility>
#include <vector>

#include "core/error.h"

// A field of the options O: its name and its place.
#define FIELD(name) std::pair(#name, &O::name)

namespace lockstep {

// Keyword arguments as a struct of options; what is not given keeps its default. Throws for a name that is no
// field.
template <typename O, typename... Members>
O options_of(const pybind11::kwargs& given, std::pair<const char*, Members O::*>... fields) {
  const std::vector<std::string> names = {fields.first...};
  for (const auto& item : given) {
    const auto name = item.first.cast<std::string>();
    check(std::ranges::find(names, name) != names.end(), "there is no option {}: expected one of {}", name,
          fmt::join(names, " "));
  }
  O options;
  const auto take = [&]<typename Member>(const char* name, Member O::*member) {
    if (given.contains(name)) options.*member = given[name].template cast<Member>();
  };
  (take(fields.first, fields.second), ...);
  return options;
}

}  // namespace lockstep
