#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "train/statistics/describe.h"
#include "train/statistics/pairing.h"
#include "train/statistics/sign_flip.h"
#include "train/statistics/step_down.h"

namespace lockstep::train {

// What a contrast comes to (train/statistics/statistics.h).
enum class Verdict { different, equivalent, inconclusive };
std::string_view to_string(Verdict verdict);

// By p-values that are corrected.
Verdict verdict_of(const FamilyP& adjusted, double alpha);

// One of a family: a contrast in one metric, and the largest difference that doesn't matter, in the metric's
// unit.
struct Comparison {
  PairedSample pairs;
  double margin;
  bool may_be_equivalent = true;  // false: tested for a difference alone
};

// What would settle an inconclusive one: `pairs` more, by showing a difference or by showing equivalence,
// whichever takes fewer. It assumes that the mean and the standard deviation stay as they are, and is a plan,
// not evidence. Looking twice isn't free: adding as many seeds because a first look was inconclusive makes a
// 5% error one of 8% (Armitage, McPherson and Rowe 1969), so judge both looks at alpha / 2, or the new seeds
// alone.
struct Further {
  std::size_t pairs;
  Verdict towards;  // inconclusive if there are fewer than two pairs: `pairs` completes the floor
};

struct Finding {
  Summary difference;  // of b - a
  Interval interval;   // at 1 - alpha, for this contrast alone (not corrected)
  // At 1 - 2 alpha. If all runs finished, it lies inside the margin exactly when p_equivalent <= alpha, but
  // for what told_apart() leaves out.
  Interval equivalence_interval;
  double p_different, p_equivalent;  // for this contrast alone
  FamilyP adjusted;                  // for the family
  Verdict verdict;
  bool within_margin;  // adjusted.equivalent <= alpha, also beside "different"
  // Of an inconclusive one, unless more seeds alone can't be expected to settle it.
  std::optional<Further> further;
};

struct Criteria {
  double alpha = 0.05;
  double power = 0.8;            // of the further pairs
  std::size_t max_pairs = 1000;  // more pairs than this in all aren't worth planning
};

// One finding for each, corrected over all of them by step_down(). Throws for a margin that is not above 0,
// and an alpha outside (0, 0.5).
std::vector<Finding> judge(std::span<const Comparison> family, const Criteria& criteria = {});

}  // namespace lockstep::train
