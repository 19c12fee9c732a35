#pragma once

#include <algorithm>

#include "train/probes/at_intervals.h"
#include "train/probes/attention_look.h"

// Which of the patterns that solve sequence tasks the heads have taken up (Olsson et al. 2022,
// arXiv:2209.11895).
namespace lockstep::train {

class HeadScores final : public AtIntervals {
  // Of a query, its place in its input's tokens.
  static double to_previous(const double* row, std::int64_t t) { return row[t - 1]; }
  // To what followed an earlier occurrence of the same token.
  static double by_induction(const double* row, std::int64_t t, const std::int64_t* tokens) {
    double sum = 0;
    for (std::int64_t s = 1; s < t; ++s) sum += tokens[s - 1] == tokens[t] ? row[s] : 0;
    return sum;
  }

  void look(const Training& training) override {
    for (const AttentionLook& look : look_at_attention(training)) {
      if (look.tokens.empty()) continue;
      const std::int64_t first = look.keys / 2 - 1, offset = first;
      std::vector<double> previous(look.heads), back(look.heads), induction(look.heads);
      double rows = 0;
      look.for_each_row(std::max<std::int64_t>(first, 1),
                        [&](std::int64_t i, std::int64_t h, std::int64_t t, const double* row) {
                          previous[h] += to_previous(row, t);
                          back[h] += row[t - offset];
                          induction[h] += by_induction(row, t, &look.tokens[i * look.keys]);
                          ++rows;
                        });
      const double each = rows / static_cast<double>(look.heads);
      add(look.layer + " previous", std::ranges::max(previous) / each);
      add(look.layer + " half back", std::ranges::max(back) / each);
      add(look.layer + " induction", std::ranges::max(induction) / each);
    }
  }
};

inline const Registry<ProbeKind>::Entry head_scores_probe(
    {.key = "head_scores",
     .label = "head scores",
     .unit = "1",
     .formula = "mean A[t, s] of the best head of a layer over 16 validation inputs and t >= T/2 - 1: "
                "previous, s = t "
                "- 1; half back, s = t - (T/2 - 1); induction, summed over s with token[s - 1] = token[t]",
     .source = "Olsson et al. 2022",
     .make = make_at_intervals<HeadScores>,
     .on_request = true});

}  // namespace lockstep::train
