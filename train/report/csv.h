#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>

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

// One row per contrast of every task, with the paired differences in the last cell, separated by blanks.
std::string contrasts_csv(const StudySummary& study);

// One row per contrast at tuned learning rates and rate: both arms' means and the effect there.
std::string rates_csv(const StudySummary& study);

// One row per arm: task, arm, label, purpose, storage, precision, initialiser, init_direction, init_scale,
// optimizer, optimizer_direction, optimizer_scale, learning_rate.
std::string arms_csv(std::span<const ArmRow> arms);

// One row per number that a probe gave: task, arm, seed, probe, name, step, value, unit.
std::string probes_csv(std::span<const ProbeRow> rows);

}  // namespace lockstep::train
