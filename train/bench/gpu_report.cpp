// A GPU's step times as text and as JSON.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "train/bench/gpu.h"

namespace lockstep::train {

namespace {

using Json = nlohmann::ordered_json;

std::string text_of(const GpuCeilings& c) {
  return fmt::format(
      "{}: copies {:.0f} GB/s, multiplies {:.1f} TFLOP/s in "
      "f32\n\n{:<6}{:<10}{:>10}{:>10}{:>22}{:>10}{:>11}{:>8}\n",
      c.name, c.copy / 1e9, c.multiply / 1e12, "model", "attention", "eager ms", "graph ms", "quartiles",
      "requests", "TFLOP/s", "share");
}

std::string text_of(const GpuStep& s, const GpuCeilings& c) {
  const double rate = s.flops / s.graph.median;
  return fmt::format(
      "{:<6}{:<10}{:>10.3f}{:>10.3f}{:>22}{:>10}{:>11.2f}{:>6.1f} %\n", s.model.name, s.attention,
      1e3 * s.eager.median, 1e3 * s.graph.median,
      fmt::format("[{:.3f}, {:.3f}]", 1e3 * s.graph.lower_quartile, 1e3 * s.graph.upper_quartile), s.requests,
      rate / 1e12, 100 * rate / c.multiply);
}

Json json_of(const GpuStep& s) {
  return {{"model", s.model.name},
          {"attention", s.attention},
          {"eager_ms", 1e3 * s.eager.median},
          {"graph_ms", 1e3 * s.graph.median},
          {"requests", s.requests},
          {"flops", s.flops}};
}

Json json_of(const GpuThroughput& t) {
  return {{"model", t.model.name}, {"runs", t.runs}, {"steps_per_second", t.steps_per_second}};
}

}  // namespace

void bench_gpu(const GpuBenchOptions& options, bool json,
               const std::function<void(const std::string&)>& print) {
  const auto show = [&](const std::string& text) {
    if (!json) print(text);
  };
  const GpuCeilings ceilings = gpu_ceilings();
  Json steps = Json::array(), throughputs = Json::array();
  show(text_of(ceilings));
  for (const BenchModel& model : options.models) {
    for (const std::string& attention : options.attention) {
      const GpuStep step = bench_gpu_step(model, attention, options.seconds);
      steps.push_back(json_of(step));
      show(text_of(step, ceilings));
    }
  }
  show(fmt::format("\n{:<6}{:>6}{:>16}\n", "model", "runs", "steps/s in all"));
  for (const BenchModel& model : options.models) {
    for (const std::int64_t runs : options.runs) {
      const GpuThroughput throughput = bench_gpu_throughput(model, runs, options.seconds);
      throughputs.push_back(json_of(throughput));
      show(fmt::format("{:<6}{:>6}{:>16.0f}\n", model.name, runs, throughput.steps_per_second));
    }
  }
  show(
      "\neager: request by request; graph: recorded and replayed; requests: kernels, products and copies of "
      "a "
      "step;\nshare: of what the card multiplies at most, attention's products not counted\n");
  if (json) {
    print(Json{{"device", ceilings.name},
               {"copy_bytes_per_second", ceilings.copy},
               {"multiply_flops", ceilings.multiply},
               {"steps", steps},
               {"throughput", throughputs}}
              .dump(2) +
          "\n");
  }
}

}  // namespace lockstep::train
