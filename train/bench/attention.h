#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "train/bench/timing.h"
#include "train/text/table.h"

namespace lockstep::train {

// Attention alone: q, k and v (1, heads, tokens, head size) in f32.
struct AttentionBenchOptions {
  std::vector<std::int64_t> tokens = {64, 256, 1024, 4096, 16384};
  std::vector<std::int64_t> head_sizes = {16, 32, 64};
  std::vector<std::string> masks = {"causal", "none"};
  std::int64_t heads = 4;
  std::int64_t threads = 1;
  double seconds = 0.5;  // for each row, the slow ones longer: 2 repetitions at least
};

struct AttentionResult {
  std::int64_t tokens = 0, head_size = 0;
  bool causal = false;
  Timing forward, backward, both;
  // Products over the pairs of query and key that count: 4 operations per pair and element of a head forward,
  // 10 backward, where the scores are formed again.
  double forward_flops = 0, backward_flops = 0;
  // The most that the process had, beyond q, k, v and the gradient of the result. Bytes.
  std::int64_t memory = 0;
};

// Each row is reported as soon as it is known. Throws for another mask.
std::vector<AttentionResult> bench_attention(const AttentionBenchOptions& options,
                                             const std::function<void(const AttentionResult&)>& report);

// For its rows as they are measured.
Table attention_table(int width);
Table::Cells cells_of(const AttentionResult& result);
std::string to_json(const AttentionBenchOptions& options, const std::vector<AttentionResult>& results);

}  // namespace lockstep::train
