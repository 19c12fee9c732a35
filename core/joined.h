#pragma once

#include <string>
#include <string_view>

namespace lockstep {

// "a, b, c": the words of a list (anything that a string takes), for messages.
std::string joined(auto&& words, std::string_view separator = ", ") {
  std::string text;
  bool is_first = true;
  for (const auto& word : words) {
    text.append(is_first ? "" : separator).append(word);
    is_first = false;
  }
  return text;
}

}  // namespace lockstep
