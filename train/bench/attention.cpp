#include "train/bench/attention.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/autograd.h"
#include "core/ops/attention.h"
#include "core/random/random_tensors.h"
#include "core/runtime/parallel.h"
#include "core/runtime/system.h"
#include "train/bench/memory.h"

namespace lockstep::train {

namespace {

AttentionResult bench_case(std::int64_t heads, std::int64_t tokens, std::int64_t head_size, bool causal,
                           double seconds) {
  const Dims shape{1, heads, tokens, head_size};
  reset_resident_peak();
  Tensor q = randn(shape), k = randn(shape), v = randn(shape);
  const Tensor dy = randn(shape);
  for (Tensor* x : {&q, &k, &v}) x->set_requires_grad();
  const std::int64_t before = resident_bytes();

  std::vector<double> forward, backward_only, both;
  for (Repetitions repetitions(3, seconds); repetitions.next();) {
    Tensor y;
    const double there = elapsed([&] { y = attention(q, k, v, {.causal = causal}); }).wall;
    const double back = elapsed([&] { backward(y, dy); }).wall;
    for (Tensor* x : {&q, &k, &v}) x->zero_grad();
    forward.push_back(there);
    backward_only.push_back(back);
    both.push_back(there + back);
  }
  const double t = static_cast<double>(tokens);
  const double pairs = static_cast<double>(heads) * (causal ? t * (t + 1) / 2 : t * t);
  const double elements = pairs * static_cast<double>(head_size);
  return {.tokens = tokens,
          .head_size = head_size,
          .causal = causal,
          .forward = timing_of(forward),
          .backward = timing_of(backward_only),
          .both = timing_of(both),
          .forward_flops = 4 * elements,
          .backward_flops = 10 * elements,
          .memory = peak_resident_bytes() - before};
}

double gflops(double flops, const Timing& timing) { return flops / timing.median / 1e9; }

}  // namespace

std::vector<AttentionResult> bench_attention(const AttentionBenchOptions& options,
                                             const std::function<void(const AttentionResult&)>& report) {
  const Threads scope(static_cast<int>(options.threads));
  std::vector<AttentionResult> results;
  for (const std::int64_t head_size : options.head_sizes) {
    for (const std::string& mask : options.masks) {
      check(mask == "causal" || mask == "none",
            "[bench attention] --mask: expected causal or none, got \"{}\"", mask);
      for (const std::int64_t tokens : options.tokens) {
        results.push_back(bench_case(options.heads, tokens, head_size, mask == "causal", options.seconds));
        report(results.back());
      }
    }
  }
  return results;
}

Table attention_table(int width) {
  return Table({{"head size", true},
                {"mask", true, 6},
                {"tokens", true},
                {"forward ms", true, 11},
                {"backward ms", true, 11},
                {"both ms", true, 9},
                {"GFLOP/s", true},
                {"forward", true},
                {"backward", true},
                {"MiB", true, 6}},
               width);
}

Table::Cells cells_of(const AttentionResult& r) {
  return {fmt::format("{}", r.head_size),
          r.causal ? "causal" : "none",
          fmt::format("{}", r.tokens),
          fmt::format("{:.3f}", 1e3 * r.forward.median),
          fmt::format("{:.3f}", 1e3 * r.backward.median),
          fmt::format("{:.3f}", 1e3 * r.both.median),
          fmt::format("{:.1f}", gflops(r.forward_flops + r.backward_flops, r.both)),
          fmt::format("{:.1f}", gflops(r.forward_flops, r.forward)),
          fmt::format("{:.1f}", gflops(r.backward_flops, r.backward)),
          fmt::format("{:.1f}", static_cast<double>(r.memory) / (1 << 20))};
}

std::string to_json(const AttentionBenchOptions& options, const std::vector<AttentionResult>& results) {
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (const AttentionResult& r : results) {
    rows.push_back({{"tokens", r.tokens},
                    {"heads", options.heads},
                    {"head_size", r.head_size},
                    {"causal", r.causal},
                    {"threads", options.threads},
                    {"forward_ms", 1e3 * r.forward.median},
                    {"backward_ms", 1e3 * r.backward.median},
                    {"both_ms", 1e3 * r.both.median},
                    {"gflops", gflops(r.forward_flops + r.backward_flops, r.both)},
                    {"memory_bytes", r.memory}});
  }
  return nlohmann::ordered_json{{"attention", rows}}.dump(2) + '\n';
}

}  // namespace lockstep::train
