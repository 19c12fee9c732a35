#pragma once

#include <cmath>

#include "train/probes/at_intervals.h"
#include "train/probes/attention_look.h"

// How widely the heads look (Zhai et al. 2023, arXiv:2303.06296).
namespace lockstep::train {

class AttentionEntropy final : public AtIntervals {
  void look(const Training& training) override {
    for (const AttentionLook& look : look_at_attention(training)) {
      double total = 0, rows = 0;
      look.for_each_row(look.keys / 2 - 1, [&](auto, auto, std::int64_t t, const double* row) {
        const std::int64_t seen = look.causal ? t + 1 : look.keys;
        double entropy = 0;
        for (std::int64_t s = 0; s < seen; ++s) entropy -= row[s] > 0 ? row[s] * std::log(row[s]) : 0;
        total += entropy / std::log(static_cast<double>(seen));
        ++rows;
      });
      add(look.layer, total / rows);
    }
  }
};

inline const Registry<ProbeKind>::Entry attention_entropy_probe(
    {.key = "attention_entropy",
     .label = "entropy of attention",
     .unit = "1",
     .formula = "-sum_s A[t, s] ln A[t, s] / ln n, n: the keys that query t may see; mean over 16 validation "
                "inputs, "
                "the heads of a layer and the later half of the queries, t >= T/2 - 1",
     .source = "Zhai et al. 2023",
     .make = make_at_intervals<AttentionEntropy>,
     .on_request = true});

}  // namespace lockstep::train
