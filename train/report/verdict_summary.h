#pragma once

#include <string>
#include <vector>

#include "train/report/summary.h"

// The verdicts for a reader who has not met this kind of study before.
namespace lockstep::train {

// The answer to whether q, k and v stored apart or together train differently, over all tasks: "Stored apart
// or together: no difference (12 of 12 pairs equal to rounding)". Empty where no contrast is about the
// storage alone.
std::string storage_line(const StudySummary& study);
// Which rules make a difference beyond the margin, the largest first; or that none does, where that is
// settled.
std::string rules_line(const StudySummary& study);

// The tested contrasts in the primary metric, the largest effect in percent first.
std::vector<const Contrast*> by_size(const TaskSummary& task);

// Pairs whose values agree in their first four digits at least, as numbers do that differ by f32 rounding
// alone (seven digits, some lost on the way).
int equal_to_rounding(const Contrast& contrast);

// The task's answer in a sentence or two: does the storage matter by itself, and if not, what does?
std::string headline(const TaskSummary& task);

// What came out, and which causes it is true of, over all metrics: "changed training", "muon by
// the whole (3d, d) tensor (6.8 steps earlier: -9.6%, 95% interval ..., under ...)". Nothing for outcomes
// that no cause had. Starts with a warning where the control failed.
struct VerdictLine {
  std::string outcome;
  std::vector<std::string> causes;
};
std::vector<VerdictLine> verdict_lines(const TaskSummary& task);

// How far chance could explain the finding: "If this cause did nothing, chance would show so large a
// difference in 1 of 2000 studies." Empty where inconclusive or not measurable.
std::string how_sure(const Contrast& contrast);

}  // namespace lockstep::train
