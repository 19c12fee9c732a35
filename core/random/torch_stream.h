#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <span>
#include <vector>

namespace lockstep {

// The numbers of PyTorch's CPU generator, bit for bit, in PyTorch's order: TorchStream(seed) stands where
// PyTorch stands after torch.manual_seed(seed), and every call here consumes what the PyTorch function named
// beside it consumes.
//
// A Mersenne Twister, seeded with the low 32 bits of `seed` as PyTorch does (2^32 + 5 gives the numbers of
// 5). Truth is PyTorch 2.15 on x86-64 with AVX2. What depends on the machine even there: numbers that go
// through the C library's log, sin and cos in double (f64 and short fills of normal numbers), and bernoulli_,
// where PyTorch on an Intel processor uses MKL's generator; here it is what PyTorch does on any other.
//
// Throws Error for low > high or an infinite width of uniform numbers, a negative std (in truncated ones also
// 0, a mean that is not finite, and low >= high), integers with low >= high, a probability outside [0, 1], a
// negative n.
class TorchStream {
 public:
  explicit TorchStream(std::uint64_t seed) : engine_(static_cast<std::uint32_t>(seed)) {}

  std::uint32_t random() { return engine_(); }
  std::uint64_t random64();  // two draws, the first one on top

  // Tensor.uniform_(low, high) and, with the defaults, torch.rand: in [low, high), 24 or 53 bits.
  void fill_uniform(std::span<float> out, double low = 0, double high = 1);
  void fill_uniform(std::span<double> out, double low = 0, double high = 1);

  // Tensor.normal_(mean, std) and, with the defaults, torch.randn. Fewer than 16 numbers come one by one from
  // pairs, and a pair's second number waits for the next such call; longer fills take blocks of 16 and leave
  // it waiting.
  void fill_normal(std::span<float> out, double mean = 0, double std = 1);
  void fill_normal(std::span<double> out, double mean = 0, double std = 1);

  // torch.nn.init.trunc_normal_(mean, std, low, high) as of PyTorch 2.15: all numbers are drawn, then those
  // outside [low, high] are replaced from further draws of all. Where the interval holds less than 30% of the
  // normal distribution the candidates are uniform; a comparison there goes through a library's float log, so
  // a last bit of that could, about once in 10^7 numbers, accept another candidate than PyTorch.
  void fill_truncated_normal(std::span<float> out, double mean, double std, double low, double high);
  void fill_truncated_normal(std::span<double> out, double mean, double std, double low, double high);

  // monai.networks.layers.trunc_normal_, which is also PyTorch's before 2.15 and timm's: by the inverse of
  // erf, one uniform draw a number. Equal to MONAI's to the last bit but for one float in some 3000
  // (erfinv.h).
  void fill_truncated_normal_by_erfinv(std::span<float> out, double mean, double std, double low,
                                       double high);
  void fill_truncated_normal_by_erfinv(std::span<double> out, double mean, double std, double low,
                                       double high);

  // torch.randint(low, high) and Tensor.random_(low, high): in [low, high).
  void fill_integers(std::span<std::int64_t> out, std::int64_t low, std::int64_t high);

  // Tensor.bernoulli_(probability), which is also dropout's mask with probability = 1 - rate: 1 or 0.
  void fill_bernoulli(std::span<float> out, double probability);
  void fill_bernoulli(std::span<double> out, double probability);
  void fill_bernoulli(std::span<std::uint8_t> out, double probability);

  // torch.randperm(n).
  std::vector<std::int64_t> permutation(std::int64_t n);

 private:
  double uniform64();
  double normal64();

  // std::mt19937 with 32-bit words, which has the same numbers and four times the speed of libstdc++'s 64-bit
  // ones.
  using MersenneTwister =
      std::mersenne_twister_engine<std::uint32_t, 32, 624, 397, 31, 0x9908b0df, 11, 0xffffffff, 7, 0x9d2c5680,
                                   15, 0xefc60000, 18, 1812433253>;
  MersenneTwister engine_;
  std::optional<double> waiting_normal_;  // the second number of the last pair
};

}  // namespace lockstep
