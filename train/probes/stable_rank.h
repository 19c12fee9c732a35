#pragma once

#include "train/probes/at_intervals.h"
#include "train/probes/matrices.h"

// How many directions a weight matrix of attention works in (Rudelson and Vershynin 2007,
// arXiv:math/0503442).
namespace lockstep::train {

class StableRank final : public AtIntervals {
  void look(const Training& training) override {
    for (const Matrix& matrix : attention_matrices(training.model().parameters(), Of::weights)) {
      const double ratio = frobenius_norm(matrix) / largest_singular_value(matrix);
      add(matrix.name, ratio * ratio);
    }
  }
};

inline const Registry<ProbeKind>::Entry stable_rank_probe(
    {.key = "stable_rank",
     .label = "stable rank",
     .unit = "1",
     .formula = "||W||^2 / sigma_max^2, Frobenius norm and largest singular value, of each weight matrix of "
                "attention",
     .source = "Rudelson and Vershynin 2007",
     .make = make_at_intervals<StableRank>,
     .on_request = true});

}  // namespace lockstep::train
