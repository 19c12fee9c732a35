#include "train/study/across_tasks.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "train/statistics/random_effects.h"

namespace lockstep::train {

namespace {

// The cells of one cause.
struct Cells {
  AcrossTasks across;
  std::vector<double> effects, variances;  // percent, and its square

  void add(const std::string& task, const Contrast& c) {
    if (c.censored + c.diverged > 0) {
      across.left_out.push_back(task);
      return;
    }
    const double error = 100 / c.base * c.sd / std::sqrt(c.pairs);
    across.effects.emplace_back(task, c.percent);
    effects.push_back(c.percent);
    variances.push_back(error * error);
  }

  void summarise() {
    const bool all_equal = std::ranges::count(effects, 0) == std::ssize(effects);
    if (effects.size() < fewest_for_random_effects || all_equal) return;
    const RandomEffects all = random_effects(effects, variances);
    across.general = {.mean = all.mean,
                      .low = all.confidence.lower,
                      .high = all.confidence.upper,
                      .tau = all.tau,
                      .next_low = all.prediction.lower,
                      .next_high = all.prediction.upper};
  }
};

}  // namespace

std::vector<AcrossTasks> across_tasks(std::span<const TaskSummary> tasks) {
  if (tasks.size() < 2) return {};
  std::vector<Cells> causes;
  for (const TaskSummary& task : tasks) {
    for (const Contrast& c : task.contrasts) {
      if (!c.verdict || !c.primary || c.pairs < 2) continue;
      const auto same = [&](const Cells& cells) {
        return cells.across.cause == c.cause && cells.across.name.starts_with(c.name);
      };
      auto cells = std::ranges::find_if(causes, same);
      if (cells == causes.end()) {
        const char* const where = c.rates.empty() ? "" : ", each arm at its best rate,";
        causes.push_back({.across = {.cause = c.cause, .name = c.name + where}});
        cells = causes.end() - 1;
      }
      cells->add(task.task, c);
    }
  }
  std::vector<AcrossTasks> all;
  for (Cells& cells : causes) {
    if (cells.effects.size() + cells.across.left_out.size() < 2) continue;
    cells.summarise();
    all.push_back(std::move(cells.across));
  }
  return all;
}

}  // namespace lockstep::train
