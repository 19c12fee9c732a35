#pragma once

#include <cmath>
#include <limits>

#include "train/report/summary.h"

namespace lockstep::train {

inline constexpr double infinity = std::numeric_limits<double>::infinity();

inline Contrast example_contrast(const std::string& cause, Verdict verdict, double effect,
                                 double half_width) {
  Contrast c{.cause = cause, .question = "Does it matter?", .arm_a = "A1", .arm_b = "A2"};
  c.metric = "steps until the training loss is below 0.5";
  c.unit = "steps";
  c.more = "later";
  c.less = "earlier";
  c.verdict = verdict;
  c.pairs = 4;
  c.effect = effect;
  c.sd = 1;
  c.low = effect - half_width;
  c.high = effect + half_width;
  c.base = 50;
  c.percent = 2 * effect;
  c.percent_low = 2 * c.low;
  c.percent_high = 2 * c.high;
  c.p = c.p_adjusted = verdict == Verdict::different ? 0.002 : 0.4;
  c.equivalence_p_adjusted = verdict == Verdict::equivalent ? 0.01 : 0.5;
  c.margin = 2.5;
  c.scope = "adam at learning rate 0.001";
  c.held_equal = "weights & data order";
  c.differences = {effect - 1, effect, effect, effect + 1};
  return c;
}

// A study with one of everything: all verdicts, a spread, an unbounded interval, censored and diverged runs,
// a cause with nothing to measure, and text that HTML must escape.
inline StudySummary example_study() {
  TaskSummary task{.task = "copy", .title = "Copy task", .description = "2 layers, width < 64"};
  task.loss_label = "training loss (nats)";
  task.threshold = 0.5;
  task.margin = 5;
  task.control = "A0 and its repetition A0' agree bit for bit.";
  task.contrasts = {example_contrast("rounding", Verdict::equivalent, 0.1, 0.4),
                    example_contrast("storage", Verdict::inconclusive, -1, infinity),
                    example_contrast("distribution", Verdict::different, 2.7, 0.6),
                    example_contrast("coupling", Verdict::inconclusive, 3, 4)};
  task.contrasts[0].name = "the storage alone";
  task.contrasts[1].name = "the other storage";
  task.contrasts[2].rule = "xavier_uniform";
  task.contrasts[2].name = "xavier_uniform by the whole tensor";
  task.contrasts[2].meaning = "The initialiser looks at the stored tensor.";
  task.contrasts[3].rule = "muon";
  task.contrasts[3].name = "muon by the whole tensor";
  task.contrasts[3].scope = "muon at learning rate 0.01";
  task.contrasts[3].further_seeds = 17;
  task.contrasts[3].censored = 2;
  task.contrasts[3].diverged = 1;
  task.contrasts[3].note = "notes <b>count</b>";
  Contrast nothing{
      .cause = "coupling under adam", .question = "Can it couple?", .metric = task.contrasts[0].metric};
  nothing.verdict = std::nullopt;
  nothing.primary = false;
  nothing.note = "adam acts on every element by itself";
  task.contrasts.push_back(nothing);
  Contrast draw{.cause = "draw", .name = "redrawing q, k and v", .metric = task.contrasts[0].metric};
  draw.unit = "steps";
  draw.verdict = std::nullopt;
  draw.spread = 1.75;
  draw.pairs = 4;
  draw.base = 50;
  task.contrasts.push_back(draw);
  for (const char* arm : {"A1", "A2"}) {
    ArmStatistics s{.arm = arm,
                    .label = "combined, <redrawn> \"q\"",
                    .metric = task.contrasts[0].metric,
                    .unit = "steps"};
    s.n = 4;
    s.reached = 3;
    s.censored = 1;
    s.mean = 76.62;
    s.sd = 2.4;
    s.median = 77;
    task.arms.push_back(s);
    task.curves.push_back({.arm = arm,
                           .label = s.label,
                           .group = "adam",
                           .runs = 4,
                           .step = {0, 1, 2},
                           .median = {2.8, 1.5, 0.4},
                           .low = {2.7, 1.4, 0.3},
                           .high = {2.9, 1.6, arm == std::string("A2") ? infinity : 0.5}});
  }
  StudySummary study{.name = "example", .question = "Does <combined> & \"separate\" matter?"};
  study.command = "lockstep study --out 'a <folder>'";
  study.version = "0.1.0";
  study.machine = "A processor";
  study.date = "2026-01-02T03:04:05Z";
  study.seconds = 125;
  study.tasks = {task};
  study.config_toml = "name = \"example\" # </script><script>alert(1)</script>\n";
  study.environment = {{"HDF5", "1.10.8"}};
  study.notes = {"Not finished: 4 of 12 seeds."};
  return study;
}

}  // namespace lockstep::train
