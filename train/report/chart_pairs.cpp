#include "train/report/chart_pairs.h"

#include <fmt/format.h>

#include "train/report/verdict_words.h"
#include "train/text/numbers.h"

namespace lockstep::train {

Drawing pairs_chart(const Contrast& c, Extent values) {
  constexpr double width = 210, height = 230, top = 12, bottom = 200, a = 75, b = 180;
  const Scale y{values.low, values.high, bottom, top};
  Drawing drawing(width, height,
                  fmt::format("{}: {} of each seed in {} and in {}; means {} and {}", capitalised(c.cause),
                              c.metric, c.arm_a, c.arm_b, number(c.base), number(c.base + c.effect)));
  for (const double tick : ticks(y, 5)) {
    drawing.line({52, y(tick)}, {width, y(tick)}, "grid");
    drawing.text({46, y(tick) + 4}, tick_label(tick), "soft", Anchor::end);
  }
  for (std::size_t i = 0; i < c.values_a.size(); ++i) {
    const Point ends[] = {{a, y(c.values_a[i])}, {b, y(c.values_a[i] + c.differences[i])}};
    drawing.path(ends, "pair");
  }
  const Point means[] = {{a, y(c.base)}, {b, y(c.base + c.effect)}};
  drawing.path(means, "mean");
  for (const Point& mean : means) drawing.mark(Mark::circle, mean, 3.5, "point");
  drawing.text({a, height - 10}, c.arm_a, "strong", Anchor::middle);
  drawing.text({b, height - 10}, c.arm_b, "strong", Anchor::middle);
  return drawing;
}

Extent values_extent(const std::vector<const Contrast*>& contrasts) {
  std::vector<double> all;
  for (const Contrast* c : contrasts) {
    for (std::size_t i = 0; i < c->values_a.size(); ++i) {
      all.push_back(c->values_a[i]);
      all.push_back(c->values_a[i] + c->differences[i]);
    }
  }
  const Extent extent = extent_of(all);
  const double room = 0.05 * (extent.high - extent.low);
  return {extent.low - room, extent.high + room};
}

}  // namespace lockstep::train
