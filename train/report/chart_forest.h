#pragma once

#include <string>
#include <vector>

#include "train/report/scale.h"
#include "train/report/summary.h"
#include "train/report/svg.h"

namespace lockstep::train {

// The percentages to be shown of contrasts, their intervals, pairs and margins (in percent), with some room:
// panels that are compared share it. At most the largest mean three times over, so that an outlying pair does
// not flatten the rest.
Extent percent_extent(const std::vector<const Contrast*>& contrasts, double margin);

// A forest plot: a row for each contrast with its mean in percent, the 95% interval, and every pair as a dot,
// equal ones stacked. `width` in pixels; below 640 the words stand above the marks, and fewer of them.
Drawing forest_chart(const std::vector<const Contrast*>& contrasts, double margin, Extent percent,
                     double width);

// One row of it alone, without words: interval and mean before the margin.
Drawing forest_strip(const Contrast& contrast, double margin, Extent percent);
// The axis below such rows.
Drawing forest_strip_axis(Extent percent);

}  // namespace lockstep::train
