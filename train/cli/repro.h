#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "core/runtime/device.h"
#include "train/text/table.h"

namespace lockstep::train {

// MONAI's numbers: hidden size, batch and tokens of the inputs.
struct ReproOptions {
  std::uint64_t seed = 0;
  std::int64_t hidden = 360, batch = 2, tokens = 512;
  bool bias = true;
  Device device = Device::cpu;  // of the products and sums; all is drawn on the host
};

// sum |a - b| over all outputs, for q, k and v.
struct PartSums {
  std::array<double, 3> parts{};
  double total() const { return parts[0] + parts[1] + parts[2]; }
};

// MONAI's comparison of one qkv linear layer with three, and what it takes to make sense of it.
struct Repro {
  ReproOptions options;
  PartSums fresh{};     // MONAI's: all layers drawn one after the other from one seed; exact (f64) arithmetic
  PartSums copied{};    // the same weights in both storages, f32 products: rounding
  PartSums reseeded{};  // seeded again before the three layers, with bias as in options; f64
  PartSums reseeded_no_bias{};  // the same without biases
  std::array<float, 3> first_inputs{};
};

// As PyTorch does after manual_seed(seed): Linear(h, 3h), three Linear(h, h), then rand(batch, tokens, h),
// all f32.
Repro reproduce(const ReproOptions& options);

// What `lockstep repro` prints: the numbers and what they mean.
std::string to_text(const Repro& repro, int width = unlimited);
std::string to_json(const Repro& repro);

}  // namespace lockstep::train
