#include "train/training/kept_weights.h"

#include <algorithm>
#include <charconv>
#include <sstream>

#include "core/error.h"
#include "data/weights/weights.h"

namespace lockstep::train {

namespace {

constexpr std::string_view prefix = "step-", ending = ".safetensors";

// The whole text as a number that is not negative, else -1.
std::int64_t whole_number(std::string_view text) {
  std::int64_t number = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && number >= 0 ? number : -1;
}

}  // namespace

std::vector<std::int64_t> steps_to_keep(const std::string& text, std::int64_t steps) {
  std::vector<std::int64_t> kept;
  if (text == "log") {
    kept = {0, steps};
    for (std::int64_t power = 1; power < steps; power *= 10) {
      for (const std::int64_t digit : {1, 2, 5}) kept.push_back(std::min(digit * power, steps));
    }
  } else {
    std::istringstream words(text);
    for (std::string word; std::getline(words, word, ',');) {
      kept.push_back(whole_number(word));
      check(kept.back() >= 0 && kept.back() <= steps,
            "--keep {}: expected log, or steps from 0 to {} with commas between them; \"{}\" is neither",
            text, steps, word);
    }
  }
  std::ranges::sort(kept);
  const auto twice = std::ranges::unique(kept);
  kept.erase(twice.begin(), twice.end());
  return kept;
}

void keep_weights(const std::filesystem::path& out, const Training& training) {
  const std::filesystem::path folder = out / "keep";
  std::filesystem::create_directories(folder);
  data::save((folder / fmt::format("{}{:06}{}", prefix, training.steps_done(), ending)).string(),
             training.model().parameters(),
             {{"task", training.config().task}, {"steps_done", std::to_string(training.steps_done())}});
}

std::vector<KeptWeights> kept_weights(const std::filesystem::path& out) {
  std::vector<KeptWeights> found;
  const std::filesystem::path folder = out / "keep";
  if (!std::filesystem::is_directory(folder)) return found;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(prefix) || !name.ends_with(ending)) continue;
    const std::size_t digits = name.size() - prefix.size() - ending.size();
    const std::int64_t step = whole_number(std::string_view(name).substr(prefix.size(), digits));
    if (step >= 0) found.push_back({step, entry.path()});
  }
  std::ranges::sort(found, {}, &KeptWeights::step);
  return found;
}

}  // namespace lockstep::train
