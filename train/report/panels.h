#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "train/report/svg.h"

namespace lockstep::train {

// One chart of several that are to be compared, with its heading and legend.
struct Panel {
  std::string title;
  Drawing drawing;
  std::vector<std::pair<std::string, std::string>> legend;  // names of its lines, and what they are
};

// A grid of them; `css`: its classes.
std::string side_by_side(const std::vector<Panel>& panels, std::string_view css);

// A figure with its caption as the line that folds it away. `content` is not escaped.
std::string folding_figure(std::string_view caption, std::string_view about, std::string_view content);

}  // namespace lockstep::train
