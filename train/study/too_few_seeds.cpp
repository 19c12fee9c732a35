#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "train/study/analysis.h"
#include "train/text/numbers.h"

namespace lockstep::train {

namespace {

constexpr double alpha = Criteria{}.alpha;

// Of n pairs the smallest p is 1 / 2^n (equivalent) or 2 / 2^n (different); Holm's first step, without which
// there is no second one, multiplies it by the number of comparisons.
double smallest_p(double tails, std::int64_t pairs, std::int64_t comparisons) {
  return std::min(1.0, static_cast<double>(comparisons) * tails * std::exp2(-static_cast<double>(pairs)));
}

std::int64_t fewest_pairs(double tails, std::int64_t comparisons) {
  std::int64_t pairs = 1;
  while (smallest_p(tails, pairs, comparisons) > alpha) ++pairs;
  return pairs;
}

}  // namespace

std::vector<std::string> too_few_seeds(const StudyConfig& study, const std::vector<Design>& designs) {
  std::vector<std::string> sentences;
  for (std::size_t i = 0; i < designs.size(); ++i) {
    const ExperimentConfig& experiment = study.experiments[i];
    const std::int64_t comparisons = std::ranges::count_if(designs[i].contrasts, is_primary);
    const std::int64_t equivalent = fewest_pairs(1, comparisons), different = fewest_pairs(2, comparisons);
    if (experiment.seeds >= different) continue;
    const bool none = experiment.seeds < equivalent;
    sentences.push_back(fmt::format(
        "{}: {} can give {}: of {} primary comparisons the smallest corrected p is {:.2g}, and it must be at "
        "most {}. {} and more can show equivalence, {} and more a difference.",
        experiment.run.task, count(experiment.seeds, "seed"), none ? "no verdict" : "no \"different\"",
        comparisons, smallest_p(none ? 1 : 2, experiment.seeds, comparisons), alpha, equivalent, different));
  }
  return sentences;
}

}  // namespace lockstep::train
