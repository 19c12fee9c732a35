#include "train/bench/tape.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>

#include "core/autograd.h"
#include "core/kernels.h"
#include "core/ops.h"
#include "train/bench/timing.h"
#include "train/text/text_layout.h"

namespace lockstep::train {

namespace {

constexpr int chain = 1000;

// Seconds of one of the `chain` calls that `action` makes, when nobody interrupts.
double best_of(const std::function<void()>& action) {
  double best = 1e30;
  for (Repetitions repetitions(20, 0.1); repetitions.next();) best = std::min(best, elapsed(action).wall);
  return best / chain;
}

double best_of_repeated(const std::function<void()>& call) {
  return best_of([&] {
    for (int i = 0; i < chain; ++i) call();
  });
}

struct TapeCase {
  std::string name;
  std::function<Tensor(const Tensor&)> op;
  std::function<void()> forward_kernels, backward_kernels;
};

TapeCost cost_of(const TapeCase& c, const Tensor& x, const Tensor& dy) {
  const auto call_chain = [&] {
    Tensor y = x;
    for (int i = 0; i < chain; ++i) y = c.op(y);
    return y;
  };
  return {.op = c.name,
          .forward_kernels = best_of_repeated(c.forward_kernels),
          .backward_kernels = best_of_repeated(c.backward_kernels),
          .unrecorded = best_of([&] {
            const NoGrad no_grad;
            call_chain();
          }),
          .recorded = best_of([&] { backward(call_chain(), dy); })};
}

}  // namespace

std::vector<TapeCost> bench_tape() {
  const Dims shape{1, 4};
  const Tensor x = ones(shape).set_requires_grad(), c = ones(shape), dy = ones(shape), y = empty(shape);
  const Tensor weight = ones({4}).set_requires_grad(), bias = zeros({4}).set_requires_grad();
  const Tensor mean = empty({1}), rstd = ones({1}), dweight = zeros({4}), dbias = zeros({4});
  const Kernels& k = kernels(x);
  const std::vector<TapeCase> cases = {
      {"add", [&](const Tensor& t) { return t + c; }, [&] { k.binary(BinaryOp::add, y, x, c); }, [] {}},
      {"mul", [&](const Tensor& t) { return t * c; }, [&] { k.binary(BinaryOp::mul, y, x, c); },
       [&] { k.binary(BinaryOp::mul, y, dy, c); }},
      {"layer_norm", [&](const Tensor& t) { return layer_norm(t, weight, bias); },
       [&] { k.layer_norm(y, mean, rstd, x, weight, bias, 1e-5); },
       [&] {
         k.layer_norm_backward({y, false}, {dweight, true}, {dbias, true}, dy, x, mean, rstd, weight);
       }}};
  std::vector<TapeCost> costs;
  for (const TapeCase& tape_case : cases) costs.push_back(cost_of(tape_case, x, dy));
  return costs;
}

std::string to_text(const std::vector<TapeCost>& costs, int width) {
  Table table({{"op"},
               {"forward kernels", true},
               {"backward kernels", true},
               {"unrecorded", true},
               {"recorded", true},
               {"tape", true}},
              width);
  const auto ns = [](double seconds) { return fmt::format("{:.0f}", 1e9 * seconds); };
  for (const TapeCost& c : costs)
    table.add({c.op, ns(c.forward_kernels), ns(c.backward_kernels), ns(c.unrecorded), ns(c.recorded),
               ns(c.tape())});
  return "nanoseconds an op, on four numbers\n" + table.text() + "\n" +
         paragraph(
             "unrecorded: the op with its checks and its output; recorded: with its backward pass; tape: "
             "what recording, walking and freeing add, recorded - unrecorded - backward kernels",
             width);
}

std::string to_json(const std::vector<TapeCost>& costs) {
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (const TapeCost& c : costs) {
    rows.push_back({{"op", c.op},
                    {"forward_kernels_ns", 1e9 * c.forward_kernels},
                    {"backward_kernels_ns", 1e9 * c.backward_kernels},
                    {"unrecorded_ns", 1e9 * c.unrecorded},
                    {"recorded_ns", 1e9 * c.recorded},
                    {"tape_ns", 1e9 * c.tape()}});
  }
  return nlohmann::ordered_json{{"tape", rows}}.dump(2) + '\n';
}

}  // namespace lockstep::train
