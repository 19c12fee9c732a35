#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "train/study/metric.h"

// Steps to a threshold of the loss.
namespace lockstep::train {

// The first loss below the threshold, or the end.
inline auto crossing(std::span<const double> losses, const ExperimentConfig& experiment) {
  return std::ranges::find_if(losses, [&](double loss) { return loss < experiment.threshold; });
}

inline const Registry<Metric>::Entry crossing_metric(
    {.key = "steps_to_threshold",
     .unit = "steps",
     .more = "later",
     .less = "earlier",
     .formula = "s - 1 + ln(L(s - 1) / c) / ln(L(s - 1) / L(s)), s: the first step with L(s) < c; L(s): "
                "training loss after s updates, c: the threshold",
     .label =
         [](const ExperimentConfig& experiment) {
           return fmt::format("steps until the training loss is below {}", experiment.threshold);
         },
     .known = [](std::span<const double> losses,
                 const ExperimentConfig& experiment) { return crossing(losses, experiment) != losses.end(); },
     .of = [](std::span<const double> losses, bool diverged, const ExperimentConfig& experiment) -> Outcome {
       const auto below = crossing(losses, experiment);
       // Runs that never reach the threshold stand in with the limit.
       if (below == losses.end())
         return {static_cast<double>(experiment.run.steps), diverged ? Ending::diverged : Ending::censored};
       const auto step = static_cast<double>(below - losses.begin());
       if (below == losses.begin()) return {step};
       const double before = *(below - 1);
       return {step - 1 + std::log(before / experiment.threshold) / std::log(before / *below)};
     },
     .at_least = [](std::span<const double> losses,
                    const ExperimentConfig&) { return static_cast<double>(losses.size()) - 1; }});

}  // namespace lockstep::train
