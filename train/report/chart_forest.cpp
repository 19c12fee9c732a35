#include "train/report/chart_forest.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "train/report/verdict_words.h"
#include "train/text/numbers.h"

namespace lockstep::train {

namespace {

constexpr double pile_width = 4;  // pixels: dots closer than that are stacked
constexpr double strip_width = 260, strip_height = 26;

std::string css_of(const Contrast& c) { return std::string(word(c)); }

Mark mark_of(const Contrast& c) {
  return c.verdict == Verdict::different    ? Mark::diamond
         : c.verdict == Verdict::equivalent ? Mark::circle
                                            : Mark::square;
}

std::string percent_text(const Contrast& c) {
  return with_interval(c.percent, c.percent_low, c.percent_high) + " %";
}

std::string what_is_said(const Contrast& c) {
  return fmt::format("{} ({} → {}): {}; {} {}, {}, 95% interval; {}", capitalised(c.cause), c.arm_a, c.arm_b,
                     word(c), with_interval(c.effect, c.low, c.high), c.unit, percent_text(c),
                     pairs_in_words(c));
}

// The interval, with an arrow's head where it goes beyond the scale, and the mean.
void interval_and_mean(Drawing& drawing, const Contrast& c, const Scale& x, double y, double radius) {
  const auto inside = [&](double value, double otherwise) {
    return std::clamp(std::isfinite(value) ? x(value) : otherwise, x.from, x.to);
  };
  const bool bounded = std::isfinite(c.percent_low) && std::isfinite(c.percent_high);
  drawing.line({inside(c.percent_low, x.from), y}, {inside(c.percent_high, x.to), y},
               css_of(c) + (bounded ? " interval" : " unbounded"));
  drawing.mark(mark_of(c), {inside(c.percent, x.from), y}, radius,
               css_of(c) + (c.verdict == Verdict::inconclusive ? " open" : ""));
}

// A dot for each pair; those that would cover each other stand in a pile.
void pairs_as_dots(Drawing& drawing, const Contrast& c, const Scale& x, double y) {
  constexpr double radius = 1.8, apart = 4;
  std::map<long, int> piles;
  for (const double difference : c.differences) {
    const double at = x(100 * difference / c.base);
    if (!std::isfinite(at) || at < x.from || at > x.to) continue;
    const int below = piles[std::lround(at / pile_width)]++;
    drawing.mark(Mark::circle, {at, y + apart * below}, radius, css_of(c) + " dot");
  }
}

int tallest_pile(const Contrast& c, const Scale& x) {
  std::map<long, int> piles;
  int tallest = 0;
  for (const double difference : c.differences)
    tallest = std::max(tallest, ++piles[std::lround(x(100 * difference / c.base) / pile_width)]);
  return tallest;
}

// The margin, and zero.
void background(Drawing& drawing, const Scale& x, double margin, double top, double bottom) {
  const double left = std::max(x.from, x(-margin)), right = std::min(x.to, x(margin));
  drawing.rect({left, top}, right - left, bottom - top, "zone");
  drawing.line({x(0), top}, {x(0), bottom}, "axis");
}

void percent_axis(Drawing& drawing, const Scale& x, double y, int wanted) {
  for (const double tick : ticks(x, wanted)) {
    drawing.line({x(tick), y}, {x(tick), y + 5}, "plain");
    drawing.text({x(tick), y + 18}, tick_label(tick, true), "soft", Anchor::middle);
  }
}

}  // namespace

Extent percent_extent(const std::vector<const Contrast*>& contrasts, double margin) {
  double low = -1.2 * margin, high = 1.2 * margin, largest = margin;
  for (const Contrast* c : contrasts) {
    if (std::isfinite(c->percent)) largest = std::max(largest, std::abs(c->percent));
  }
  const auto take = [&](double value) {
    if (!std::isfinite(value)) return;
    low = std::min(low, std::max(value, -3 * largest));
    high = std::max(high, std::min(value, 3 * largest));
  };
  for (const Contrast* c : contrasts) {
    for (const double value : {c->percent, c->percent_low, c->percent_high}) take(value);
    for (const double difference : c->differences) take(100 * difference / c->base);
  }
  const double room = 0.04 * (high - low);
  return {low - room, high + room};
}

Drawing forest_chart(const std::vector<const Contrast*>& contrasts, double margin, Extent percent,
                     double width) {
  constexpr double top = 20, below = 46, beneath_mark = 12;
  const bool narrow = width < 640;
  const double words = narrow ? 20 : 0;  // above the marks
  const Scale x{percent.low, percent.high, narrow ? 8.0 : 232.0, narrow ? width - 8 : width - 205};
  std::vector<double> heights;
  double height = top + below;
  for (const Contrast* c : contrasts) {
    heights.push_back(words + std::max(40.0, 36 + 4.0 * tallest_pile(*c, x)));
    height += heights.back();
  }
  Drawing drawing(width, height,
                  "Forest plot: the effect of every cause in percent, with its 95% interval and every pair");
  const double bottom = height - below;
  background(drawing, x, margin, top, bottom);
  drawing.text({x(0), top - 7}, fmt::format("does not matter: within ±{}%", number(margin)), "soft",
               Anchor::middle);
  double y = top;
  for (std::size_t i = 0; i < contrasts.size(); ++i) {
    const Contrast& c = *contrasts[i];
    const double middle = y + words + 18;
    drawing.open_part(what_is_said(c));
    drawing.rect({0, y}, width, heights[i], "hit");
    drawing.line({0, y}, {width, y}, "rule");
    drawing.text({2, y + 16}, capitalised(c.cause), "strong");
    if (narrow) {
      drawing.text({width - 2, y + 16}, percent_text(c), css_of(c), Anchor::end);
    } else {
      drawing.text({2, y + 32}, fmt::format("{} → {}", c.arm_a, c.arm_b), "soft");
      drawing.text({width - 2, y + 16}, with_interval(c.effect, c.low, c.high) + " " + c.unit, "",
                   Anchor::end);
      drawing.text(
          {width - 2, y + 32},
          css_of(c) + (c.verdict == Verdict::different && c.within_margin ? ", within the margin" : ""),
          css_of(c), Anchor::end);
    }
    interval_and_mean(drawing, c, x, middle, 5);
    pairs_as_dots(drawing, c, x, middle + beneath_mark);
    drawing.close_part();
    y += heights[i];
  }
  drawing.line({0, bottom}, {width, bottom}, "axis");
  percent_axis(drawing, x, bottom, narrow ? 5 : 9);
  const Contrast* const first = contrasts.empty() ? nullptr : contrasts.front();
  drawing.text({(x.from + x.to) / 2, height - 8},
               first ? fmt::format("← {}  ·  difference in percent  ·  {} →", first->less, first->more) : "",
               "soft", Anchor::middle);
  return drawing;
}

Drawing forest_strip(const Contrast& c, double margin, Extent percent) {
  const Scale x{percent.low, percent.high, 6, strip_width - 6};
  Drawing drawing(strip_width, strip_height, what_is_said(c));
  background(drawing, x, margin, 0, strip_height);
  interval_and_mean(drawing, c, x, strip_height / 2, 5);
  return drawing;
}

Drawing forest_strip_axis(Extent percent) {
  const Scale x{percent.low, percent.high, 6, strip_width - 6};
  Drawing drawing(strip_width, 22, "The axis: difference in percent");
  drawing.line({0, 0.5}, {strip_width, 0.5}, "plain");
  percent_axis(drawing, x, 0, 5);
  return drawing;
}

}  // namespace lockstep::train
