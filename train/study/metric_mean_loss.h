#pragma once

#include <fmt/format.h>

#include <numeric>

#include "train/study/metric.h"

// Mean loss over a fixed number of steps.
namespace lockstep::train {

inline const Registry<Metric>::Entry mean_loss_metric(
    {.key = "mean_loss",
     .unit = "nats",
     .more = "higher",
     .less = "lower",
     .formula = "1/n sum over s < n of L(s), n = curve_steps, L(s): training loss after s updates",
     .label =
         [](const ExperimentConfig& experiment) {
           return fmt::format("mean training loss of the first {} steps", experiment.curve_steps);
         },
     .known = [](std::span<const double> losses,
                 const ExperimentConfig& experiment) { return std::ssize(losses) >= experiment.curve_steps; },
     .of = [](std::span<const double> losses, bool, const ExperimentConfig& experiment) -> Outcome {
       const auto steps = static_cast<std::size_t>(experiment.curve_steps);
       double total = 0;
       // After a divergence the loss stands in with its first value.
       for (std::size_t i = 0; i < steps; ++i) total += i < losses.size() ? losses[i] : losses.front();
       return {total / static_cast<double>(steps),
               losses.size() < steps ? Ending::diverged : Ending::observed};
     },
     .at_least =
         [](std::span<const double> losses, const ExperimentConfig& experiment) {
           return std::accumulate(losses.begin(), losses.end(), 0.0) /
                  static_cast<double>(experiment.curve_steps);
         }});

}  // namespace lockstep::train
