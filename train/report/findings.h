#pragma once

#include <span>
#include <string>

#include "train/report/summary.h"

namespace lockstep::train {

// What studies found, as one Markdown page: a table with a line for each tested cause (its verdict, size,
// scope, seeds, and a link to the public dispute that it answers), what the answers depend on, and how each
// study is made again.
std::string findings_page(std::span<const StudySummary> studies);

}  // namespace lockstep::train
