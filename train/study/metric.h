#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/registry.h"
#include "train/config/config.h"
#include "train/statistics/pairing.h"

namespace lockstep::train {

// A number of a training by which arms are compared. A metric's file, train/study/metric_NAME.h, ends with an
// entry of Registry<Metric>, and metric.cpp includes it.
struct Metric {
  std::string key;         // in files: "steps_to_threshold"
  std::string unit;        // "steps"
  std::string more, less;  // what a larger value is, and a smaller one: "later", "earlier"
  std::string formula;
  // "steps until the training loss is below 0.5"
  std::string (*label)(const ExperimentConfig& experiment);
  // Whether the value follows from the losses so far (each before its step's update): a run ends when all do.
  bool (*known)(std::span<const double> losses, const ExperimentConfig& experiment);
  // Of a run that has ended; with a stand-in where it ended too early, see Outcome.
  Outcome (*of)(std::span<const double> losses, bool diverged, const ExperimentConfig& experiment);
  // A lower bound of the value, however a run with these losses, from which it does not follow yet, goes on:
  // a hopeless learning rate is given up by it. Null: there is none before the end.
  double (*at_least)(std::span<const double> losses, const ExperimentConfig& experiment) = nullptr;
};

// All of them, in the order in which they are shown.
std::span<const Metric> metrics();
// The one that verdicts go by. Throws where the experiment declares none there is.
const Metric& primary_metric(const ExperimentConfig& experiment);
// All of them, that one first.
std::vector<const Metric*> metrics_of(const ExperimentConfig& experiment);

}  // namespace lockstep::train
