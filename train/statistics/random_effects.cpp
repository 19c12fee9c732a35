#include "train/statistics/random_effects.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "core/error.h"

namespace lockstep::train {

namespace {

// The largest root of a function that falls to below zero, by bisection.
double root(auto function, double high) {
  double low = 0;
  while (function(high) > 0) low = high, high *= 2;
  for (int i = 0; i < 200; ++i) {
    const double middle = (low + high) / 2;
    (function(middle) > 0 ? low : high) = middle;
  }
  return (low + high) / 2;
}

// P(|T| < t), by Abramowitz and Stegun 26.7.3 and 26.7.4.
double t_within(double t, std::size_t degrees) {
  const double angle = std::atan(t / std::sqrt(static_cast<double>(degrees)));
  const double sine = std::sin(angle), cosine = std::cos(angle);
  const bool odd = degrees % 2 == 1;
  double sum = 0, term = odd ? cosine : 1;
  for (std::size_t power = odd ? 1 : 0; power + 2 <= degrees; power += 2) {
    sum += term;
    term *= cosine * cosine * static_cast<double>(power + 1) / static_cast<double>(power + 2);
  }
  return odd ? 2 / std::numbers::pi * (angle + sine * sum) : sine * sum;
}

// Of the effects, each with the weight 1 / (variance + tau^2).
struct Weighted {
  Weighted(std::span<const double> effects, std::span<const double> variances, double tau_squared) {
    for (std::size_t i = 0; i < effects.size(); ++i) {
      const double w = 1 / (variances[i] + tau_squared);
      weight += w;
      mean += w * effects[i];
    }
    mean /= weight;
    for (std::size_t i = 0; i < effects.size(); ++i)
      scatter += (effects[i] - mean) * (effects[i] - mean) / (variances[i] + tau_squared);
  }
  double weight = 0, mean = 0;
  double scatter = 0;  // Q
};

}  // namespace

double t_quantile(double level, std::size_t degrees_of_freedom) {
  return root([&](double t) { return level - t_within(t, degrees_of_freedom); }, 2);
}

RandomEffects random_effects(std::span<const double> effects, std::span<const double> variances) {
  const std::size_t k = effects.size();
  check(k >= 3 && variances.size() == k,
        "[random_effects] expected at least 3 effects, each with a variance, got {} and {}", k,
        variances.size());
  const double largest = *std::ranges::max_element(variances),
               apart = std::ranges::max(effects) - std::ranges::min(effects);
  const double degrees = static_cast<double>(k - 1);
  // A variance of zero would outweigh all others for ever.
  std::vector<double> floored(variances.begin(), variances.end());
  const double least = std::max({1e-12 * largest, 1e-12 * apart * apart, 1e-300});
  for (double& variance : floored) variance = std::max(variance, least);
  const auto excess = [&](double tau_squared) {
    return Weighted(effects, floored, tau_squared).scatter - degrees;
  };
  const double tau_squared = excess(0) > 0 ? root(excess, std::max(largest, apart * apart)) : 0;
  const Weighted at(effects, floored, tau_squared);
  const double error = std::sqrt(std::max(1.0, at.scatter / degrees) / at.weight);
  const double mean_reach = t_quantile(0.95, k - 1) * error;
  const double one_reach = t_quantile(0.95, k - 2) * std::sqrt(tau_squared + error * error);
  return {.studies = k,
          .mean = at.mean,
          .tau = std::sqrt(tau_squared),
          .confidence = {at.mean - mean_reach, at.mean + mean_reach, false},
          .prediction = {at.mean - one_reach, at.mean + one_reach, false}};
}

}  // namespace lockstep::train
