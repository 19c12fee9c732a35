#pragma once

#include <string>

#include "train/report/summary.h"

namespace lockstep::train {

// The contrasts in the primary metric as a LaTeX table (packages booktabs and amsmath), with scope and margin
// in its caption.
std::string latex_table(const StudySummary& study);

// A BibTeX entry for Lockstep, the version included.
std::string bibtex(const StudySummary& study);

}  // namespace lockstep::train
