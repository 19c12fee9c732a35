#include "core/random/torch_stream.h"

#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>
#include <utility>

#include "core/error.h"
#include "core/random/torch_normal.h"

namespace lockstep {
namespace {

// PyTorch works in blocks from this many numbers on.
constexpr std::size_t block_size = 16;

// x (high - low) + low, fused as in PyTorch's AVX2 build; where rounding reaches `high`, PyTorch answers
// `low`.
template <typename T>
T scaled(T x, T low, T high) {
  const T value = std::fma(x, high - low, low);
  return value == high ? low : value;
}

template <typename T>
void check_interval(T low, T high) {
  check(low <= high && high - low <= std::numeric_limits<T>::max(),
        "[fill_uniform] expected low <= high and a finite width: got [{}, {})", low, high);
}

// The blocks of 16; a rest of fewer is covered by drawing the last 16 numbers anew.
template <typename T, typename Uniform>
void fill_normal_blocks(std::span<T> out, double mean, double std, Uniform uniform) {
  for (T& x : out) x = uniform();
  const T mean_t = static_cast<T>(mean), std_t = static_cast<T>(std);
  torch_normal_blocks(out.first(out.size() / block_size * block_size), mean_t, std_t);
  if (out.size() % block_size == 0) return;
  const std::span<T> last = out.last(block_size);
  for (T& x : last) x = uniform();
  torch_normal_blocks(last, mean_t, std_t);
}

void check_std(double std) {
  check(std >= 0, "[fill_normal] expected a standard deviation of at least 0: got {}", std);
}

template <typename T, typename Uniform>
void fill_bernoulli_with(std::span<T> out, double probability, Uniform uniform) {
  check(probability >= 0 && probability <= 1, "[fill_bernoulli] expected a probability in [0, 1]: got {}",
        probability);
  for (T& x : out) x = uniform() < probability ? 1 : 0;
}

}  // namespace

std::uint64_t TorchStream::random64() {
  const std::uint64_t high = random();
  return high << 32 | random();
}

double TorchStream::uniform64() { return static_cast<double>(random64() & ((1ull << 53) - 1)) * 0x1p-53; }

double TorchStream::normal64() {
  if (waiting_normal_) return *std::exchange(waiting_normal_, std::nullopt);
  const double angle = 2 * std::numbers::pi * uniform64();
  const double radius = std::sqrt(-2 * std::log1p(-uniform64()));
  waiting_normal_ = radius * std::sin(angle);
  return radius * std::cos(angle);
}

void TorchStream::fill_uniform(std::span<float> out, double low, double high) {
  const auto low_f32 = static_cast<float>(low), high_f32 = static_cast<float>(high);
  check_interval(low_f32, high_f32);
  for (float& x : out) x = scaled(static_cast<float>(random() & 0xFFFFFFu) * 0x1p-24f, low_f32, high_f32);
}

void TorchStream::fill_uniform(std::span<double> out, double low, double high) {
  check_interval(low, high);
  for (double& x : out) x = scaled(uniform64(), low, high);
}

void TorchStream::fill_normal(std::span<float> out, double mean, double std) {
  check_std(std);
  if (out.size() >= block_size) {
    return fill_normal_blocks(out, mean, std,
                              [&] { return static_cast<float>(random() & 0xFFFFFFu) * 0x1p-24f; });
  }
  for (float& x : out) x = static_cast<float>(std::fma(normal64(), std, mean));
}

void TorchStream::fill_normal(std::span<double> out, double mean, double std) {
  check_std(std);
  if (out.size() >= block_size) return fill_normal_blocks(out, mean, std, [&] { return uniform64(); });
  for (double& x : out) x = std::fma(normal64(), std, mean);
}

void TorchStream::fill_integers(std::span<std::int64_t> out, std::int64_t low, std::int64_t high) {
  check(low < high, "[fill_integers] expected low < high: got [{}, {})", low, high);
  const std::uint64_t base = static_cast<std::uint64_t>(low), range = static_cast<std::uint64_t>(high) - base;
  const bool wide = range >= 1ull << 28;  // to keep the skew of % small
  for (std::int64_t& x : out) x = static_cast<std::int64_t>(base + (wide ? random64() : random()) % range);
}

void TorchStream::fill_bernoulli(std::span<float> out, double probability) {
  fill_bernoulli_with(out, probability, [&] { return uniform64(); });
}
void TorchStream::fill_bernoulli(std::span<double> out, double probability) {
  fill_bernoulli_with(out, probability, [&] { return uniform64(); });
}
void TorchStream::fill_bernoulli(std::span<std::uint8_t> out, double probability) {
  fill_bernoulli_with(out, probability, [&] { return uniform64(); });
}

std::vector<std::int64_t> TorchStream::permutation(std::int64_t n) {
  check(n >= 0, "[permutation] expected a size of at least 0: got {}", n);
  std::vector<std::int64_t> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  const bool wide = order.size() >= std::numeric_limits<std::uint32_t>::max() / 20;
  for (std::size_t i = 0; i + 1 < order.size(); ++i) {
    const std::uint64_t draw = wide ? random64() : random();
    std::swap(order[i], order[i + draw % (order.size() - i)]);
  }
  return order;
}

}  // namespace lockstep
