#include "train/text/nearest.h"

#include <algorithm>

#include "core/error.h"
#include "core/joined.h"

namespace lockstep::train {

namespace {

// Letters left out, put in, replaced, or two neighbours swapped (optimal string alignment).
std::size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) {
    for (std::size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        d[i][j] = i + j;
        continue;
      }
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] != b[j - 1])});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  }
  return d[a.size()][b.size()];
}

}  // namespace

std::string nearest(const std::string& word, std::span<const std::string> names) {
  const auto alike = [&](const std::string& name) {  // letters in front that agree
    return std::mismatch(word.begin(), word.end(), name.begin(), name.end()).first - word.begin();
  };
  std::string best;
  std::size_t least = word.size() / 2 + 1;
  for (const std::string& name : names) {
    // A word cut short is near: "kaiming" for "kaiming_uniform".
    const bool begun = word.size() >= 3 && name.starts_with(word) && name != word;
    const std::size_t distance = begun ? 1 : edit_distance(word, name);
    const bool nearer = distance < least || (distance == least && !best.empty() && alike(name) > alike(best));
    if (!nearer) continue;
    least = distance;
    best = name;
  }
  return best;
}

void expect_one_of(const std::string& key, const std::string& value,
                   const std::vector<std::string>& allowed) {
  if (std::ranges::find(allowed, value) != allowed.end()) return;
  const std::string near = nearest(value, allowed);
  fail("{} = \"{}\" is not known: {}expected one of {}", key, value,
       near.empty() ? "" : fmt::format("did you mean \"{}\"? ", near), joined(allowed));
}

}  // namespace lockstep::train
