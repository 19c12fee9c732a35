#include "train/study/too_few_seeds.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "train/statistics/verdict.h"
#include "train/study/plan.h"
#include "train/text/numbers.h"

namespace lockstep::train {

std::vector<std::string> too_few_seeds(const StudyConfig& study, const std::vector<Design>& designs) {
  constexpr double alpha = Criteria{}.alpha;
  // Turning all signs round gives a difference as large: of n pairs the smallest p is 2 / 2^n. Evidence after
  // every pair for so many tests: the smallest one is more than tests / 2^n.
  const bool anytime = study.experiments.front().stopping == "decided";
  const double patterns = anytime ? static_cast<double>(tests_of(study, designs)) : 2;
  const auto smallest_p = [&](std::int64_t pairs) {
    return std::min(1.0, patterns * std::exp2(-static_cast<double>(pairs)));
  };
  std::int64_t fewest = 1;
  while (smallest_p(fewest) > alpha) ++fewest;
  std::vector<std::string> sentences;
  for (std::size_t i = 0; i < designs.size(); ++i) {
    const ExperimentConfig& experiment = study.experiments[i];
    if (experiment.seeds >= fewest || std::ranges::none_of(designs[i].contrasts, is_tested)) continue;
    sentences.push_back(fmt::format(
        "{}: {} can give no verdict: the smallest p is {:.2g}, and it must be at most {}. {} seeds can, 12 "
        "often do.",
        experiment.run.task, count(experiment.seeds, "seed"), smallest_p(experiment.seeds), alpha, fewest));
  }
  return sentences;
}

}  // namespace lockstep::train
