#pragma once

#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "train/study/design.h"
#include "train/study/factor_search.h"
#include "train/study/rate_search.h"
#include "train/study/run.h"

namespace lockstep::train {

// A run of an experiment that is still to be done.
struct MissingRun {
  Arm arm;
  std::int64_t seed = 0;
  double give_up_above = std::numeric_limits<double>::infinity();  // of the primary metric, see run_arm()
};

// The search for the best learning rate of an arm, or of two together.
struct RateSearch {
  std::vector<std::string> arms;
  TriedRates tried;         // mean of the primary metric over the arms and the tuning seeds
  std::optional<int> best;  // once it lies inside
  std::string failure;      // why there is none; empty where there is, or may be
  TriedFactors factors;     // at the best rate, of an arm by part whose q, k and v have factors; else empty
};

// Whether rules are compared in it, as they are, so that it is judged at tuned rates as well.
bool is_tunable(const PlannedContrast& contrast);

// How far an experiment's learning rates are chosen, and what is to be run next for it: a function of the
// runs alone, whatever the order in which they came, so that a study that goes on makes the same choices.
struct Tuning {
  std::vector<RateSearch> searches;
  std::vector<MissingRun> missing;
};
Tuning tuning_of(std::size_t experiment, const ExperimentConfig& config, const Design& design,
                 const RunResults& runs);

// The design with the arms at the rates that were tried, and with a contrast at the best ones after each that
// has them. Where a search failed, that contrast is not measurable, and says why.
Design with_rates(const Design& design, const ExperimentConfig& config, const Tuning& tuning);

}  // namespace lockstep::train
