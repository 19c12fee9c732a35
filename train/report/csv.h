#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "train/report/summary.h"

// The study as tables for other programs: RFC 4180, UTF-8, a header row, a dot as decimal point, empty cells
// for what is not known. Numbers keep every digit.
namespace lockstep::train {

// A cell, quoted where the RFC asks for it.
std::string csv_cell(std::string_view text);

// One row per run. Columns: task, arm, optimizer, initialiser, seed, one for each metric (steps_to_threshold,
// mean_loss), censored, diverged, tuning, steps_run, final_loss, seconds, parameters. Truth values are 0
// and 1.
std::string runs_csv(std::span<const RunRow> runs);

// One row per contrast of every task and metric (its key, the same in every study, and its label), with the
// paired differences in the last cell, separated by blanks.
std::string contrasts_csv(const StudySummary& study);

// One row per contrast at tuned learning rates and rate: both arms' means and the effect there.
std::string rates_csv(const StudySummary& study);

// One row per step of every paired curve: what arm_b has more than arm_a, the mean over the pairs and the
// band that holds the whole true curve with 95%.
std::string bands_csv(const StudySummary& study);

// What is known of an arm, by name: task, arm, label, purpose, storage, precision, initialiser,
// initialise_by, optimizer, optimise_by, learning_rate. "by" is the matrix that the rule takes for one:
// "tensor", "part" or "head"; or "tensor, sized as by part" where another gives a part its size.
std::span<const std::pair<std::string, std::string (*)(const ArmRow&)>> arm_columns();
// One row per arm, with those columns.
std::string arms_csv(std::span<const ArmRow> arms);

// One row per number that a probe gave: task, arm, seed, probe, name, step, value, unit.
std::string probes_csv(std::span<const ProbeRow> rows);

}  // namespace lockstep::train
