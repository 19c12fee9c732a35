#include "train/report/chart_lines.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "train/text/html.h"
#include "train/text/numbers.h"

namespace lockstep::train {

namespace {

constexpr double width = 460, height = 300, left = 68, right = 12, top = 10, bottom = 46;
constexpr std::size_t most_points = 300;  // of a curve: more than the pixels can show
constexpr std::size_t styles = 8;         // chart.css has as many
constexpr std::size_t most_stops = 40;    // places to point at

std::string style_of(std::size_t index) { return fmt::format("s{}", index % styles); }

std::size_t stride_of(const Line& line) { return (line.x.size() + most_points - 1) / most_points; }

// Every stride-th point, and the last.
std::vector<Point> points(const Line& line, const std::vector<double>& values, const Scale& x,
                          const Scale& y) {
  std::vector<Point> list;
  const std::size_t stride = stride_of(line), n = std::min(line.x.size(), values.size());
  for (std::size_t i = 0; i < n; ++i) {
    if (i % stride != 0 && i + 1 != n) continue;
    const bool shown = std::isfinite(values[i]) && (!y.log || values[i] > 0);
    const double nan = std::numeric_limits<double>::quiet_NaN();
    list.push_back({x(line.x[i]), shown ? std::clamp(y(values[i]), top, height - bottom) : nan});
  }
  return list;
}

void axes(Drawing& drawing, const LineChart& chart, const Scale& x, const Scale& y) {
  for (const double tick : ticks(y, 6)) {
    drawing.line({x.from, y(tick)}, {x.to, y(tick)}, "grid");
    drawing.text({x.from - 7, y(tick) + 4}, tick_label(tick), "soft", Anchor::end);
  }
  drawing.line({x.from, y.from}, {x.to, y.from}, "axis");
  for (const double tick : ticks(x, 6)) {
    drawing.line({x(tick), y.from}, {x(tick), y.from + 5}, "axis");
    drawing.text({x(tick), y.from + 18}, tick_label(tick), "soft", Anchor::middle);
  }
  drawing.text({(x.from + x.to) / 2, height - 8}, chart.x_label, "soft", Anchor::middle);
  drawing.text_upwards({13, (y.from + y.to) / 2}, chart.y_label, "soft");
}

void draw(Drawing& drawing, const Line& line, std::size_t index, const LineChart& chart, const Scale& x,
          const Scale& y) {
  const std::string style = style_of(index), who = fmt::format("data-line=\"{}\"", index);
  const std::vector<Point> middle = points(line, line.y, x, y), low = points(line, line.low, x, y),
                           high = points(line, line.high, x, y);
  if (!chart.marks) {
    if (low.size() == middle.size() && high.size() == middle.size())
      drawing.area(high, low, "band " + style, who);
    drawing.path(middle, "curve " + style, who);
    return;
  }
  drawing.path(middle, "plain", who);
  for (std::size_t i = 0; i < middle.size(); ++i) {
    const bool bar = i < low.size() && std::isfinite(low[i].y) && std::isfinite(high[i].y);
    if (bar) drawing.line(low[i], high[i], "equivalent interval");
    drawing.mark(Mark::circle, middle[i], 4, bar ? "equivalent" : "equivalent open");
  }
}

std::string shown(double value) { return std::isfinite(value) ? number(value) : "diverged"; }

// Invisible columns that say what the curves are there.
void stops(Drawing& drawing, const LineChart& chart, const Scale& x) {
  const Line* longest = nullptr;
  for (const Line& line : chart.lines) {
    if (!longest || line.x.size() > longest->x.size()) longest = &line;
  }
  if (!longest) return;
  const std::size_t n = longest->x.size(), stride = (n + most_stops - 1) / most_stops;
  for (std::size_t i = 0; i < n; i += stride) {
    const double at = x(longest->x[i]);
    const double from = i == 0 ? at : (at + x(longest->x[i - stride])) / 2;
    const double to = i + stride >= n ? at : (at + x(longest->x[i + stride])) / 2;
    std::string said = fmt::format("{} {}", chart.x_label, number(longest->x[i]));
    for (const Line& line : chart.lines) {
      if (i >= line.y.size()) continue;
      said += fmt::format("\n{}: {}", line.name, shown(line.y[i]));
      if (i < line.low.size() && std::isfinite(line.low[i]) && std::isfinite(line.high[i]))
        said += fmt::format(" ({} to {})", shown(line.low[i]), shown(line.high[i]));
    }
    drawing.rect({from, top}, std::max(2.0, to - from), height - top - bottom, "hit stop",
                 fmt::format("data-said=\"{}\"", html_escape(said)));
  }
}

}  // namespace

Drawing line_chart(const LineChart& chart) {
  const Scale x{chart.x.low, chart.x.high, left, width - right, chart.log_x},
      y{chart.y.low, chart.y.high, height - bottom, top, chart.log_y};
  Drawing drawing(width, height, chart.name);
  if (chart.margin > 0) {
    const double upper = std::max(y.to, y(chart.margin)), lower = std::min(y.from, y(-chart.margin));
    drawing.rect({x.from, upper}, x.to - x.from, lower - upper, "zone");
  }
  axes(drawing, chart, x, y);
  if (chart.bound) {
    drawing.line({x.from, y(*chart.bound)}, {x.to, y(*chart.bound)}, "bound");
    drawing.text({x.from + 4, y(*chart.bound) - 5}, chart.bound_label, "soft");
  }
  for (std::size_t i = 0; i < chart.lines.size(); ++i) draw(drawing, chart.lines[i], i, chart, x, y);
  stops(drawing, chart, x);
  return drawing;
}

std::string line_swatch(std::size_t index) {
  return fmt::format(
      "<svg class=\"chart\" viewBox=\"0 0 34 10\" aria-hidden=\"true\"><path d=\"M0 5H34\" class=\"curve "
      "{}\"/></svg>",
      style_of(index));
}

Extent x_extent(const std::vector<Line>& lines) {
  std::vector<double> all;
  for (const Line& line : lines) all.insert(all.end(), line.x.begin(), line.x.end());
  return extent_of(all);
}

Extent y_extent(const std::vector<Line>& lines, bool log) {
  std::vector<double> all;
  for (const Line& line : lines) {
    for (const auto* values : {&line.y, &line.low, &line.high})
      std::copy_if(values->begin(), values->end(), std::back_inserter(all),
                   [&](double v) { return !log || v > 0; });
  }
  if (log && all.empty()) return {.low = 0.1, .high = 1};
  const Extent extent = extent_of(all);
  if (log) return {extent.low / 1.3, extent.high * 1.3};
  const double room = 0.03 * (extent.high - extent.low);
  return {extent.low - room, extent.high + room};
}

}  // namespace lockstep::train
