#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "train/bench/memory.h"
#include "train/bench/timing.h"
#include "train/text/table.h"

namespace lockstep::train {

// What `bench efficiency` compares the two storages over.
struct EfficiencyOptions {
  std::vector<std::int64_t> widths = {32, 64, 128, 256, 512};
  std::vector<std::int64_t> tokens = {32, 128, 512, 2048};  // of a batch
  std::int64_t threads = 1;
  double seconds = 1;  // for each width and number of tokens; 11 repetitions at least
};

// How many times as long as the combined storage the separate one takes: the median over pairs of repetitions
// side by side, with its 95 % confidence interval (by order statistics). Above 1, combined wins.
struct TimeRatio {
  double median = 1, lower = 1, upper = 1;
};
TimeRatio ratio_of_pairs(const std::vector<double>& separate, const std::vector<double>& combined);

// One self-attention block (combined or separate q, k and v, causal, heads of 32, sequences of 32 tokens) in
// both storages.
struct EfficiencyResult {
  std::int64_t width = 0, tokens = 0;
  struct Phase {
    Timing combined, separate;
    TimeRatio ratio;
  };
  Phase forward, backward, step;                          // step: forward, backward and AdamW
  std::int64_t combined_memory = 0, separate_memory = 0;  // the peak of a step, in bytes of tensors
};

// Each row is reported as soon as it is known. Throws for widths and tokens that are no multiples of 32.
std::vector<EfficiencyResult> bench_efficiency(const EfficiencyOptions& options,
                                               const std::function<void(const EfficiencyResult&)>& report);

Table efficiency_table(int width);
Table::Cells cells_of(const EfficiencyResult& result);
// Where the one or the other wins, and by how much.
std::string efficiency_verdict(const std::vector<EfficiencyResult>& results, int width);
std::string to_json(const EfficiencyOptions& options, const std::vector<EfficiencyResult>& results);

}  // namespace lockstep::train
