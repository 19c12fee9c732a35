#pragma once

#include <string>

#include "train/report/summary.h"

namespace lockstep::train {

// The study as one HTML page: verdicts in words, tables, charts, configuration, origin. It loads nothing:
// styles and charts are inside. Scripts add tooltips and buttons, and nothing is missing without them.
std::string report_page(const StudySummary& study);

}  // namespace lockstep::train
