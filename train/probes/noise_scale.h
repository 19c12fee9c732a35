#pragma once

#include "train/probes/at_intervals.h"
#include "train/probes/loss_gradient.h"

// How many inputs a batch wants before its gradient is more signal than noise (McCandlish et al. 2018,
// arXiv:1812.06162).
namespace lockstep::train {

class NoiseScale final : public AtIntervals {
 public:
  NoiseScale() : AtIntervals(50) {}

 private:
  void look(const Training& training) override {
    constexpr std::int64_t batches = 16, parts = 4;
    const auto whole = static_cast<double>(training.config().batch);
    const std::int64_t rows = training.config().batch / parts;
    if (rows == 0) return;
    double of_whole = 0, of_parts = 0;
    // Batches that the training has not seen: gradients at its weights are independent of them.
    for (std::int64_t i = 0; i < batches; ++i) {
      const std::int64_t step = training.config().steps + training.steps_done() + i;
      const auto squared_norm = [&](const LossGradient& at) { return dot(at.gradient(), at.gradient()); };
      of_whole += squared_norm(LossGradient(training, step)) / batches;
      for (std::int64_t part = 0; part < parts; ++part)
        of_parts += squared_norm(LossGradient(training, step, rows, part)) / (batches * parts);
    }
    const auto small = static_cast<double>(rows);
    const double signal = (whole * of_whole - small * of_parts) / (whole - small);
    const double noise = (of_parts - of_whole) / (1 / small - 1 / whole);
    add("all weights", noise / signal);
  }
};

inline const Registry<ProbeKind>::Entry noise_scale_probe(
    {.key = "noise_scale",
     .label = "gradient noise scale",
     .unit = "inputs",
     .formula =
         "tr Sigma / |G|^2 from the mean squared norms of the gradients of B and b = B/4 inputs: |G|^2 = (B "
         "|G_B|^2 - b |G_b|^2) / (B - b), tr Sigma = (|G_b|^2 - |G_B|^2) / (1/b - 1/B); over 16 batches, "
         "every "
         "50 steps",
     .source = "McCandlish et al. 2018",
     .make = make_at_intervals<NoiseScale>,
     .on_request = true});

}  // namespace lockstep::train
