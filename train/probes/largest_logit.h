#pragma once

#include <algorithm>
#include <cmath>

#include "train/probes/at_intervals.h"
#include "train/probes/attention_look.h"

// Whether attention is about to saturate (Dehghani et al. 2023, arXiv:2302.05442).
namespace lockstep::train {

class LargestLogit final : public AtIntervals {
  void look(const Training& training) override {
    for (const AttentionLook& look : look_at_attention(training)) {
      double largest = 0;
      for (const double score : look.scores) {
        if (std::isfinite(score)) largest = std::max(largest, std::abs(score));  // infinite: masked
      }
      add(look.layer, largest);
    }
  }
};

inline const Registry<ProbeKind>::Entry largest_logit_probe(
    {.key = "largest_logit",
     .label = "largest attention logit",
     .unit = "1",
     .formula =
         "max |q_t . k_s| / sqrt(d_h) over 16 validation inputs, the heads of a layer and what is not masked",
     .source = "Dehghani et al. 2023",
     .make = make_at_intervals<LargestLogit>,
     .on_request = true});

}  // namespace lockstep::train
