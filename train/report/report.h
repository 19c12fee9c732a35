#pragma once

#include <string>
#include <string_view>

#include "train/report/summary.h"

namespace lockstep::train {

// The study as one HTML page: verdicts in words, tables, charts, configuration, origin. It loads nothing:
// styles, charts (Vega) and data are inside. Without JavaScript the charts are missing, and no number is.
std::string report_page(const StudySummary& study);

// A file of train/report/ by its name, or "vega.js"; built into the program by CMakeLists.txt.
std::string_view report_file(std::string_view name);

}  // namespace lockstep::train
