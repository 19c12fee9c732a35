#pragma once

#include <optional>
#include <string>
#include <vector>

#include "train/report/scale.h"
#include "train/report/svg.h"

namespace lockstep::train {

// A curve and, where `low` and `high` are not empty, a band around it. What is not finite leaves a gap.
struct Line {
  std::string name;
  std::vector<double> x, y, low, high;
};

struct LineChart {
  std::string name, x_label, y_label;
  Extent x, y;  // panels to be compared share them
  bool log_x = false, log_y = false;
  std::optional<double> bound = {};  // a dotted line at this y
  std::string bound_label = {};
  double margin = 0;   // shaded: y within it
  bool marks = false;  // a mark at each point, and its band as a bar
  std::vector<Line> lines;
};

// The chart, 460 pixels wide. Pointing at it, or the arrow keys, show the numbers there (charts.js).
Drawing line_chart(const LineChart& chart);

// What a legend shows of line `index`.
std::string line_swatch(std::size_t index);

// The smallest extent with all numbers of the lines, bands included; of a logarithmic one the positive
// numbers.
Extent x_extent(const std::vector<Line>& lines);
Extent y_extent(const std::vector<Line>& lines, bool log = false);

}  // namespace lockstep::train
