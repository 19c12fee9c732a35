#include "train/probes/loss_barrier.h"

#include <algorithm>

#include "core/autograd.h"
#include "core/ops/elementwise.h"
#include "core/ops/in_place.h"
#include "core/ops/views.h"
#include "train/probes/logical_weights.h"

namespace lockstep::train {

LossBarrier loss_barrier(const Training& a, const Training& b, int parts) {
  const NoGrad no_grad;
  Training between(a.config(), a.device());
  const LogicalParts ends[] = {logical_parts(a.model().parameters()), logical_parts(b.model().parameters())};
  LossBarrier barrier;
  for (int i = 0; i <= parts; ++i) {
    const double alpha = static_cast<double>(i) / parts;
    for (const Parameter& parameter : between.model().parameters()) {
      if (!parameter.trainable) continue;
      for (const RowRange& range : row_ranges(parameter, Granularity::part)) {
        const Tensor place = rows(parameter.tensor, range);
        const auto end = [&](const LogicalParts& all) {
          return from_values(place.shape(), all.at(range.name));
        };
        copy_(place, to((1 - alpha) * end(ends[0]) + alpha * end(ends[1]), a.device()));
      }
    }
    barrier.losses.push_back(between.evaluate().loss);
  }
  const double mean = (barrier.losses.front() + barrier.losses.back()) / 2;
  barrier.height = std::max(0.0, *std::ranges::max_element(barrier.losses) - mean);
  return barrier;
}

}  // namespace lockstep::train
