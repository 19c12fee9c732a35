#pragma once

#include "train/probes/at_intervals.h"

// Whether the tokens of an input become alike on their way through the layers (Dong et al. 2021,
// arXiv:2103.03404).
namespace lockstep::train {

class RankCollapse final : public AtIntervals {
  void look(const Training& training) override;
};

inline const Registry<ProbeKind>::Entry rank_collapse_probe(
    {.key = "rank_collapse",
     .label = "tokens apart",
     .unit = "1",
     .formula =
         "||X - 1 x^T||_F / ||X||_F, x: mean over the tokens of X (tokens, d), the residual stream after the "
         "embedding and after each block; mean over 16 validation inputs. 0: all tokens are alike, rank 1",
     .source = "Dong et al. 2021 (there in another norm)",
     .make = make_at_intervals<RankCollapse>,
     .on_request = true});

}  // namespace lockstep::train
