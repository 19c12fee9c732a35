#pragma once

#include <cstdio>
#include <string>

#include "train/report/summary.h"
#include "train/text/table.h"

namespace lockstep::train {

// One verdict per cause as aligned plain text: cause, verdict, effect with its 95% interval in the metric's
// unit and in percent, pairs, and below it what was held equal, further seeds where inconclusive, and the
// note. A table for each metric, in blocks where it is wider than `width` (train/text/table.h); `colour` adds
// ANSI colours to the verdicts.
std::string verdict_table(const TaskSummary& task, int width = unlimited, bool colour = false);

// The task's answer in words, then a heading for each outcome that some cause had, and a line for each cause.
std::string verdict_paragraphs(const TaskSummary& task, int width = unlimited);

// Writes the tables of every task and the study's verdict; colours only where `stream` is a terminal and
// NO_COLOR (https://no-color.org) is not set.
void print_verdict(const StudySummary& study);

}  // namespace lockstep::train
