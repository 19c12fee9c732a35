#pragma once

#include <functional>
#include <map>
#include <optional>

#include "nn/conv.h"
#include "tests/conformance/case.h"

namespace lockstep::conformance {

// Reads a JSON object into the fields of an options struct, by name:
//   read_options(config, {{"hidden_size", field(o.hidden_size)}, ...});
// Throws for an option that is not among the fields.
using Field = std::function<void(const nlohmann::json&)>;
using Fields = std::map<std::string, Field>;

template <typename T>
Field field(T& target) {
  return [&target](const nlohmann::json& value) { target = value.get<T>(); };
}
template <typename T>
Field field(std::optional<T>& target) {
  return [&target](const nlohmann::json& value) {
    if (!value.is_null()) target = value.get<T>();
  };
}
// One number or a list.
template <typename T>
Field numbers(std::vector<T>& target) {
  return [&target](const nlohmann::json& value) {
    if (value.is_null()) return;
    target = value.is_number() ? std::vector{value.get<T>()} : value.get<std::vector<T>>();
  };
}
// A word, through the function that knows the words.
template <typename T, typename Parse>
Field word(T& target, Parse parse) {
  return [&target, parse](const nlohmann::json& value) { target = parse(value.get<std::string>()); };
}
// PyTorch's padding of a convolution: numbers, "same" or "valid".
inline Field padding(PerDim& target, bool& same) {
  return [&target, &same](const nlohmann::json& value) {
    if (!value.is_string()) return numbers(target)(value);
    check(value == "same" || value == "valid", "unknown padding {}", value.dump());
    same = value == "same";
  };
}

inline void read_options(const nlohmann::json& config, const Fields& fields) {
  for (const auto& [name, value] : config.items()) {
    const auto found = fields.find(name);
    check(found != fields.end(), "unknown option '{}'", name);
    found->second(value);
  }
}

}  // namespace lockstep::conformance
