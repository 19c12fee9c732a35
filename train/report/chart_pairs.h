#pragma once

#include "train/report/scale.h"
#include "train/report/summary.h"
#include "train/report/svg.h"

namespace lockstep::train {

// Each seed a line from its value in arm_a to that in arm_b; bold, the means. 200 pixels wide.
Drawing pairs_chart(const Contrast& contrast, Extent values);

// Of all values of both arms, with some room.
Extent values_extent(const std::vector<const Contrast*>& contrasts);

}  // namespace lockstep::train
