#pragma once

#include <cmath>

#include "train/probes/at_intervals.h"
#include "train/probes/matrices.h"

// How strongly the heads can match, and how strongly they can write (Elhage et al. 2021,
// transformer-circuits.pub/2021/framework).
namespace lockstep::train {

class HeadCircuits final : public AtIntervals {
  void look(const Training& training) override {
    const ParameterList& parameters = training.model().parameters();
    const std::vector<Matrix> matrices = attention_matrices(parameters, Of::weights);
    const std::int64_t heads = heads_of(parameters);
    for (const std::string& layer : attention_layers(matrices)) {
      const auto part = [&](const char* name) -> const Matrix& { return matrix_of(matrices, layer, name); };
      const std::int64_t width = part("q").rows / heads;
      const Matrix columns_out = transposed(part("out_proj"));
      double matching = 0, writing = 0;
      for (std::int64_t head = 0; head < heads; ++head) {
        const auto block = [&](const Matrix& matrix) { return row_block(matrix, head * width, width); };
        matching += largest_singular_value(product(transposed(block(part("q"))), block(part("k")))) /
                    std::sqrt(static_cast<double>(width));
        writing += largest_singular_value(product(transposed(block(columns_out)), block(part("v"))));
      }
      add(layer + " QK", matching / static_cast<double>(heads));
      add(layer + " OV", writing / static_cast<double>(heads));
    }
  }
};

inline const Registry<ProbeKind>::Entry head_circuits_probe(
    {.key = "head_circuits",
     .label = "largest singular values of the heads' QK and OV matrices",
     .unit = "1",
     .formula =
         "sigma_max(Wq_h^T Wk_h) / sqrt(d_h) and sigma_max(Wo_h Wv_h), d_h: width of head h; mean over the "
         "heads of a layer",
     .source = "Elhage et al. 2021",
     .make = make_at_intervals<HeadCircuits>,
     .on_request = true});

}  // namespace lockstep::train
