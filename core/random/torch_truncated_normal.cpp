#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "core/error.h"
#include "core/random/erfinv.h"
#include "core/random/torch_stream.h"

namespace lockstep {
namespace {

void check_truncation(double mean, double std, double low, double high) {
  check(std > 0 && std::isfinite(mean),
        "[fill_truncated_normal] expected a finite mean and std > 0: got {} and {}", mean, std);
  check(low < high, "[fill_truncated_normal] expected low < high: got [{}, {}]", low, high);
}

// The share of the normal distribution below x standard deviations.
double normal_cdf(double x) { return (1 + std::erf(x / std::numbers::sqrt2)) / 2; }

template <typename T>
void redraw_normal(TorchStream& stream, std::span<T> out, double mean, double std, T low, T high) {
  stream.fill_normal(out, mean, std);
  std::vector<T> candidates(out.size());
  const auto outside = [=](T x) { return x < low || x > high; };
  while (std::any_of(out.begin(), out.end(), outside)) {
    stream.fill_normal(std::span(candidates), mean, std);
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = outside(out[i]) ? candidates[i] : out[i];
  }
}

// A uniform candidate is accepted with a probability of its density over the largest density in [low, high].
template <typename T>
void redraw_uniform(TorchStream& stream, std::span<T> out, double mean, double std, double low, double high) {
  const double peak_at = (std::clamp(mean, low, high) - mean) / std;
  const T log_peak = static_cast<T>(-0.5 * peak_at * peak_at), mean_t = static_cast<T>(mean),
          std_t = static_cast<T>(std);
  const auto log_density = [=](T x) {
    const T z = (x - mean_t) / std_t;
    return z * z * T(-0.5) - log_peak;
  };
  std::vector<T> candidates(out.size()), chances(out.size());
  std::vector<bool> pending(out.size(), true);
  while (std::find(pending.begin(), pending.end(), true) != pending.end()) {
    stream.fill_uniform(std::span(candidates), low, high);
    stream.fill_uniform(std::span(chances));
    for (std::size_t i = 0; i < out.size(); ++i) {
      if (pending[i]) out[i] = candidates[i];
      pending[i] = pending[i] && std::log(chances[i]) > log_density(candidates[i]);
    }
  }
}

template <typename T>
void fill_by_rejection(TorchStream& stream, std::span<T> out, double mean, double std, double low,
                       double high) {
  check_truncation(mean, std, low, high);
  const double inside = normal_cdf((high - mean) / std) - normal_cdf((low - mean) / std);
  if (inside > 0.3) return redraw_normal(stream, out, mean, std, static_cast<T>(low), static_cast<T>(high));
  redraw_uniform(stream, out, mean, std, low, high);
}

template <typename T>
void fill_by_erfinv(TorchStream& stream, std::span<T> out, double mean, double std, double low, double high) {
  check_truncation(mean, std, low, high);
  stream.fill_uniform(out, 2 * normal_cdf((low - mean) / std) - 1, 2 * normal_cdf((high - mean) / std) - 1);
  const T scale = static_cast<T>(std * std::numbers::sqrt2), mean_t = static_cast<T>(mean);
  for (T& x : out) {
    x = std::clamp(static_cast<T>(erfinv(x)) * scale + mean_t, static_cast<T>(low), static_cast<T>(high));
  }
}

}  // namespace

void TorchStream::fill_truncated_normal(std::span<float> out, double mean, double std, double low,
                                        double high) {
  fill_by_rejection(*this, out, mean, std, low, high);
}
void TorchStream::fill_truncated_normal(std::span<double> out, double mean, double std, double low,
                                        double high) {
  fill_by_rejection(*this, out, mean, std, low, high);
}
void TorchStream::fill_truncated_normal_by_erfinv(std::span<float> out, double mean, double std, double low,
                                                  double high) {
  fill_by_erfinv(*this, out, mean, std, low, high);
}
void TorchStream::fill_truncated_normal_by_erfinv(std::span<double> out, double mean, double std, double low,
                                                  double high) {
  fill_by_erfinv(*this, out, mean, std, low, high);
}

}  // namespace lockstep
