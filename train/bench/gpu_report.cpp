// A GPU's step times as text and as JSON.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "train/bench/gpu.h"
#include "train/text/table.h"
#include "train/text/text_layout.h"

namespace lockstep::train {

namespace {

using Json = nlohmann::ordered_json;

Table::Cells cells_of(const GpuStep& s, const GpuCeilings& c) {
  const double rate = s.flops / s.graph.median;
  return {s.model.name,
          s.attention,
          fmt::format("{:.3f}", 1e3 * s.eager.median),
          fmt::format("{:.3f}", 1e3 * s.graph.median),
          fmt::format("[{:.3f}, {:.3f}]", 1e3 * s.graph.lower_quartile, 1e3 * s.graph.upper_quartile),
          fmt::format("{:.3f}", 1e3 * s.tf32.median),
          fmt::format("{}", s.requests),
          fmt::format("{:.2f}", rate / 1e12),
          fmt::format("{:.1f} %", 100 * rate / c.multiply)};
}

std::string profile_text(const GpuStep& s, int width) {
  double total = 0;
  for (const RequestTime& request : s.profile) total += request.seconds;
  const bool beside = s.runs_beside > 1;
  std::vector<Column> columns{{"kernel or product"}, {"calls", true}, {"ms", true}, {"share", true}};
  if (beside) columns.insert(columns.end(), {{"us beside", true}, {"share", true}});
  Table table(std::move(columns), width);
  for (const RequestTime& request : s.profile) {
    Table::Cells cells{request.name, fmt::format("{}", request.calls),
                       fmt::format("{:.3f}", 1e3 * request.seconds),
                       fmt::format("{:.1f} %", 100 * request.seconds / total)};
    if (beside) {
      cells.push_back(fmt::format("{:.1f}", 1e6 * request.beside));
      cells.push_back(fmt::format("{:.1f} %", 100 * request.beside / s.beside));
    }
    table.add(cells);
  }
  std::string title =
      fmt::format("{} {}: where a step goes on the card, one request at a time, {:.2f} ms in all",
                  s.model.name, s.attention, 1e3 * total);
  if (beside) {
    title += fmt::format("; beside: of the card's time for a step of {} trainings at once, {:.1f} us",
                         s.runs_beside, 1e6 * s.beside);
  }
  return "\n" + paragraph(title, width) + table.text();
}

Json json_of(const GpuStep& s) {
  Json profile = Json::array();
  for (const RequestTime& request : s.profile) {
    profile.push_back({{"request", request.name}, {"calls", request.calls}, {"ms", 1e3 * request.seconds}});
    if (s.runs_beside > 1) profile.back()["us_beside"] = 1e6 * request.beside;
  }
  return {{"model", s.model.name},
          {"attention", s.attention},
          {"eager_ms", 1e3 * s.eager.median},
          {"graph_ms", 1e3 * s.graph.median},
          {"tf32_ms", 1e3 * s.tf32.median},
          {"requests", s.requests},
          {"flops", s.flops},
          {"runs_beside", s.runs_beside},
          {"us_beside", 1e6 * s.beside},
          {"profile", profile}};
}

Json json_of(const GpuThroughput& t) {
  return {{"model", t.model.name},
          {"runs", t.runs},
          {"ready_seconds", t.ready},
          {"steps_per_second", t.steps_per_second},
          {"flops_per_second", t.flops_per_second},
          {"requests_per_second", t.requests_per_second}};
}

}  // namespace

void bench_gpu(const GpuBenchOptions& options, bool json, int width,
               const std::function<void(const std::string&)>& print) {
  const auto show = [&](const std::string& text) {
    if (!json) print(text);
  };
  const GpuCeilings ceilings = gpu_ceilings();
  Json steps = Json::array(), throughputs = Json::array();
  std::string profiles;
  show(
      paragraph(fmt::format("{}: copies {:.0f} GB/s, multiplies {:.1f} TFLOP/s in f32, starts {:.2f} million "
                            "kernels a second from one stream and {:.2f} from many",
                            ceilings.name, ceilings.copy / 1e9, ceilings.multiply / 1e12,
                            ceilings.starts_of_one / 1e6, ceilings.starts_of_many / 1e6),
                width) +
      "\n");
  const Table of_steps({{"model", false, 6},
                        {"attention"},
                        {"eager ms", true},
                        {"graph ms", true},
                        {"quartiles", true, 16},
                        {"tf32 ms", true},
                        {"requests", true},
                        {"TFLOP/s", true},
                        {"share", true, 7}},
                       width);
  show(of_steps.head());
  for (const BenchModel& model : options.models) {
    for (const std::string& attention : options.attention) {
      GpuStep step = bench_gpu_step(model, attention, options.seconds, options.profile);
      if (options.profile && options.beside > 1) bench_gpu_beside(step, options.beside, options.seconds / 5);
      steps.push_back(json_of(step));
      show(of_steps.row(cells_of(step, ceilings)));
      if (options.profile) profiles += profile_text(step, width);
    }
  }
  show(profiles);
  const Table of_throughputs({{"model", false, 6},
                              {"runs", true, 5},
                              {"ready s", true},
                              {"steps/s in all", true},
                              {"multiplies", true},
                              {"starts", true}},
                             width);
  show("\n" + of_throughputs.head());
  for (const BenchModel& model : options.models) {
    for (const std::int64_t runs : options.runs) {
      const GpuThroughput throughput = bench_gpu_throughput(model, runs, options.seconds);
      throughputs.push_back(json_of(throughput));
      show(of_throughputs.row(
          {model.name, fmt::format("{}", runs), fmt::format("{:.2f}", throughput.ready),
           fmt::format("{:.0f}", throughput.steps_per_second),
           fmt::format("{:.1f} %", 100 * throughput.flops_per_second / ceilings.multiply),
           fmt::format("{:.1f} %", 100 * throughput.requests_per_second / ceilings.starts_of_many)}));
    }
  }
  show("\n" + paragraph("eager: request by request; graph: recorded and replayed; tf32: so, with products "
                        "rounded to that; requests: kernels, products and copies of a step; share: of what "
                        "the card multiplies at most in f32, attention's products not counted; of several "
                        "trainings at once, ready: until each has begun and done five steps; the last "
                        "columns say which ceiling they come near",
                        width));
  if (json) {
    print(Json{{"device", ceilings.name},
               {"copy_bytes_per_second", ceilings.copy},
               {"multiply_flops", ceilings.multiply},
               {"starts_per_second",
                {{"one_stream", ceilings.starts_of_one}, {"many", ceilings.starts_of_many}}},
               {"steps", steps},
               {"throughput", throughputs}}
              .dump(2) +
          "\n");
  }
}

}  // namespace lockstep::train
