#pragma once

#include <string>
#include <vector>

#include "train/config/cause.h"
#include "train/study/arm.h"

namespace lockstep::train {

// What the rule by another granularity is compared with the rule by part in.
enum class Aspect {
  all,    // as it is
  shape,  // at equal size: each part keeps the Frobenius norm that the rule by part gives it
  size,   // by part, but each part with the norm that the rule by the other granularity gives it
};

// Two arms that differ by one cause. The effect in a metric is metric(b) - metric(a).
struct PlannedContrast {
  Cause cause;
  Aspect aspect = Aspect::all;
  std::string granularity;  // what the rule looks at in b; empty where no rule looks at a shape
  std::string rule;         // the initialiser or the optimizer that does; else empty
  std::string question;
  std::string a, b;
  std::string held_equal;
  std::string not_measurable = {};  // why there is nothing to compare; empty if there is

  // Both arms at one learning rate.
  struct AtRate {
    double rate;
    std::string a, b;
    bool judged;  // with the judged seeds; else with the tuning seeds alone
  };
  // Of a contrast at tuned learning rates: `a` and `b` at every rate that both were tried at. Else empty.
  std::vector<AtRate> rates = {};
  bool shared_rate = false;  // a and b have one tuned rate, the best of both together; else each its own

  bool is_tuned() const { return !rates.empty(); }
};

// Whether the contrast is tested, and counts in the correction for many tests: arms that differ by their
// draws alone have no mean difference to test.
inline bool is_tested(const PlannedContrast& contrast) {
  return contrast.not_measurable.empty() && contrast.cause != Cause::draw;
}

// As it is shown: "coupling", "coupling: shape by head".
std::string title_of(const PlannedContrast& contrast);
// What the cause is, and what of it is seen here, for a reader who has not met it.
std::string meaning_of(const PlannedContrast& contrast);
// What changes from a to b, within a sentence: "muon by the whole (3d, d) tensor".
std::string name_of(const PlannedContrast& contrast);

// The arms of an experiment, and its contrasts, each to be judged in every metric.
struct Design {
  std::vector<Arm> arms;
  std::vector<PlannedContrast> contrasts;
};
Design design_of(const ExperimentConfig& experiment);
// Null where there is none of that name.
const Arm* arm_named(const Design& design, const std::string& name);

// Of a design, in the primary metric: its tested contrasts, and of those at tuned rates what becomes with the
// rate.
inline std::size_t tests_in(const Design& design) {
  std::size_t tests = 0;
  for (const PlannedContrast& contrast : design.contrasts) tests += is_tested(contrast) + contrast.is_tuned();
  return tests;
}

}  // namespace lockstep::train
