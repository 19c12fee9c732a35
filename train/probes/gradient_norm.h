#pragma once

#include "train/probes/at_intervals.h"
#include "train/probes/matrices.h"

// How much the loss wants of each weight matrix of attention.
namespace lockstep::train {

class GradientNorm final : public AtIntervals {
  void look(const Training& training) override {
    for (const Matrix& matrix : attention_matrices(training.model().parameters(), Of::gradients))
      add(matrix.name, frobenius_norm(matrix));
  }
};

inline const Registry<ProbeKind>::Entry gradient_norm_probe(
    {.key = "gradient_norm",
     .label = "gradient norm",
     .unit = "nats",
     .formula = "||dL/dW||, Frobenius norm, of each weight matrix of attention, after clipping",
     .source = "",
     .make = make_at_intervals<GradientNorm>,
     .on_request = true});

}  // namespace lockstep::train
