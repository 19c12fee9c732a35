#include "train/training/metrics.h"

#include <cmath>
#include <limits>
#include <numeric>

#include "core/error.h"

namespace lockstep::train {

namespace {

template <typename T>
void write_series(h5::Group& group, const char* name, const std::vector<T>& values, const char* unit) {
  group.write(name, values, {std::ssize(values)}).set_attribute("unit", unit);
}

template <typename T>
std::vector<T> read_series(const h5::Group& group, const char* name) {
  const h5::Dataset set = group.dataset(name);
  set.expect_shape({-1});
  return set.read<T>();
}

}  // namespace

double Metrics::mean_training_loss(std::size_t index) const {
  const std::int64_t begin = index == 0 ? 0 : validations[index - 1].step, end = validations[index].step;
  if (begin == end) return std::numeric_limits<double>::quiet_NaN();
  const auto first = training_loss.begin();
  return std::accumulate(first + begin, first + end, 0.0) / static_cast<double>(end - begin);
}

std::string to_csv(const Metrics& metrics) {
  std::string csv = "step,training_loss,validation_loss,validation_accuracy,seconds\n";
  for (std::size_t i = 0; i < metrics.validations.size(); ++i) {
    const auto& [step, result, seconds] = metrics.validations[i];
    const double mean = metrics.mean_training_loss(i);
    csv += fmt::format("{},{},{},{},{:.3f}\n", step, std::isnan(mean) ? "" : fmt::format("{}", mean),
                       result.loss, result.accuracy, seconds);
  }
  return csv;
}

void write_metrics(h5::Group& group, const Metrics& metrics) {
  std::vector<std::int64_t> steps;
  std::vector<double> losses, accuracies, seconds;
  for (const Validation& validation : metrics.validations) {
    steps.push_back(validation.step);
    losses.push_back(validation.result.loss);
    accuracies.push_back(validation.result.accuracy);
    seconds.push_back(validation.seconds);
  }
  group.set_attribute("seconds", metrics.seconds);
  write_series(group, "training_loss", metrics.training_loss,
               "nats, mean over the targets of each step's batch, before the step's update");
  write_series(group, "validation_step", steps, "steps done before the validation");
  write_series(group, "validation_loss", losses, "nats, mean over all validation targets");
  write_series(group, "validation_accuracy", accuracies, "share of validation targets that come out right");
  write_series(group, "validation_seconds", seconds,
               "seconds of training and validation until then, over all sittings");
}

Metrics read_metrics(const h5::Group& group) {
  Metrics metrics{.training_loss = read_series<double>(group, "training_loss"),
                  .seconds = group.attribute<double>("seconds")};
  const auto steps = read_series<std::int64_t>(group, "validation_step");
  const auto losses = read_series<double>(group, "validation_loss");
  const auto accuracies = read_series<double>(group, "validation_accuracy");
  const auto seconds = read_series<double>(group, "validation_seconds");
  check(losses.size() == steps.size() && accuracies.size() == steps.size() && seconds.size() == steps.size(),
        "{}: the validations are incomplete", group.name());
  std::int64_t before = 0;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    check(steps[i] >= before && steps[i] <= std::ssize(metrics.training_loss),
          "{}: a validation after step {} doesn't fit {} training losses", group.name(), steps[i],
          metrics.training_loss.size());
    before = steps[i];
    metrics.validations.push_back({steps[i], {losses[i], accuracies[i]}, seconds[i]});
  }
  return metrics;
}

}  // namespace lockstep::train
