#include "train/probes/rank_collapse.h"

#include "core/autograd.h"
#include "core/ops/elementwise.h"
#include "core/ops/reduce.h"
#include "train/probes/residual_stream.h"

namespace lockstep::train {

void RankCollapse::look(const Training& training) {
  const NoGrad no_grad;
  for (const auto& [name, x] : residual_stream(training))
    add(name, mean(norm(x - mean(x, {1}, true), {1, 2}) / norm(x, {1, 2})).item());
}

}  // namespace lockstep::train
