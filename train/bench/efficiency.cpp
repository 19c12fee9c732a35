#include "train/bench/efficiency.h"

#include <cmath>
#include <memory>

#include "core/autograd.h"
#include "core/random/random_tensors.h"
#include "core/runtime/parallel.h"
#include "nn/sa_block.h"
#include "optim/adamw.h"
#include "train/statistics/statistics.h"

namespace lockstep::train {

namespace {

constexpr std::int64_t sequence = 32, head_size = 32;

// A block that learns to give zeros: its output is the gradient of half its squares.
class BlockTraining {
 public:
  BlockTraining(std::int64_t width, std::int64_t tokens, bool combined)
      : root_(Seed{0}),
        block_(root_, {.hidden_size = width,
                       .num_heads = static_cast<int>(width / head_size),
                       .qkv_bias = true,
                       .causal = true,
                       .sequence_length = sequence,
                       .use_combined_linear = combined}),
        adam_(root_.parameters(), {.lr = 1e-3}),
        x_(randn({tokens / sequence, sequence, width})) {
    x_.set_requires_grad();  // as inside of a network
  }

  void repeat() {
    Tensor y;
    const double there = elapsed([&] { y = block_(x_); }).wall;
    const double back = elapsed([&] { lockstep::backward(y, y.detach()); }).wall;
    const double update = elapsed([&] { adam_.step(); }).wall;
    adam_.zero_grad();
    x_.zero_grad();
    forward.push_back(there);
    backward.push_back(back);
    step.push_back(there + back + update);
  }

  std::vector<double> forward, backward, step;

 private:
  Scope root_;
  nn::SABlock block_;
  optim::AdamW adam_;
  Tensor x_;
};

std::int64_t memory_of(std::int64_t width, std::int64_t tokens, bool combined) {
  return memory_use([&] {
           auto training = std::make_shared<BlockTraining>(width, tokens, combined);
           return [training] { training->repeat(); };
         })
      .tensor_peak;
}

EfficiencyResult::Phase compare(const std::vector<double>& combined, const std::vector<double>& separate) {
  return {timing_of(combined), timing_of(separate), ratio_of_pairs(separate, combined)};
}

}  // namespace

TimeRatio ratio_of_pairs(const std::vector<double>& separate, const std::vector<double>& combined) {
  std::vector<double> ratios(separate.size());
  for (std::size_t i = 0; i < ratios.size(); ++i) ratios[i] = separate[i] / combined[i];
  // The number of pairs below the median is binomial, with deviation sqrt(n) / 2.
  const double reach = 0.98 / std::sqrt(static_cast<double>(ratios.size()));
  return {quantile(ratios, 0.5), quantile(ratios, std::max(0.5 - reach, 0.0)),
          quantile(ratios, std::min(0.5 + reach, 1.0))};
}

std::vector<EfficiencyResult> bench_efficiency(const EfficiencyOptions& options,
                                               const std::function<void(const EfficiencyResult&)>& report) {
  std::vector<EfficiencyResult> results;
  for (const std::int64_t width : options.widths) {
    check(width > 0 && width % head_size == 0,
          "[bench efficiency] --widths: expected multiples of {}, the size of a head, got {}", head_size,
          width);
    for (const std::int64_t tokens : options.tokens) {
      check(tokens > 0 && tokens % sequence == 0,
            "[bench efficiency] --tokens: expected multiples of {}, the length of a sequence, got {}",
            sequence, tokens);
      EfficiencyResult result{.width = width,
                              .tokens = tokens,
                              .combined_memory = memory_of(width, tokens, true),
                              .separate_memory = memory_of(width, tokens, false)};
      const Threads scope(static_cast<int>(options.threads));
      BlockTraining combined(width, tokens, true), separate(width, tokens, false);
      for (Repetitions repetitions(11, options.seconds); repetitions.next();) {
        combined.repeat();
        separate.repeat();
      }
      result.forward = compare(combined.forward, separate.forward);
      result.backward = compare(combined.backward, separate.backward);
      result.step = compare(combined.step, separate.step);
      results.push_back(result);
      report(result);
    }
  }
  return results;
}

}  // namespace lockstep::train
