#pragma once

#include <span>
#include <string>
#include <vector>

namespace lockstep::train {

// The name nearest to `word`: by edit distance, then by the letters they begin with; empty where none is
// near.
std::string nearest(const std::string& word, std::span<const std::string> names);

// Throws, with the nearest and all of `allowed`, unless the value of the key is one of them.
void expect_one_of(const std::string& key, const std::string& value, const std::vector<std::string>& allowed);

}  // namespace lockstep::train
