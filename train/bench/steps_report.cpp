// Step times as text and as JSON.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "core/processor.h"
#include "core/runtime/system.h"
#include "train/bench/steps.h"
#include "train/text/numbers.h"
#include "train/text/text_layout.h"

namespace lockstep::train {

namespace {

using Json = nlohmann::ordered_json;

constexpr double mib = 1 << 20;

Json milliseconds(const Timing& t) {
  return {{"median", 1e3 * t.median},
          {"lower_quartile", 1e3 * t.lower_quartile},
          {"upper_quartile", 1e3 * t.upper_quartile},
          {"min", 1e3 * t.min}};
}

std::string profile_text(const StepResult& r, int width) {
  double total = 0;
  for (const OpTime& op : r.profile) total += op.forward + op.backward;
  Table table({{"op"}, {"calls", true}, {"forward ms", true}, {"backward ms", true}, {"share", true}}, width);
  for (const OpTime& op : r.profile) {
    table.add({op.name, fmt::format("{}", op.calls), fmt::format("{:.3f}", 1e3 * op.forward),
               fmt::format("{:.3f}", 1e3 * op.backward),
               fmt::format("{:.1f} %", 100 * (op.forward + op.backward) / total)});
  }
  const std::string title = fmt::format("{} {}, {}: where a step of {:.2f} ms goes", r.model.name,
                                        r.attention, count(r.threads, "thread"), 1e3 * total);
  return "\n" + paragraph(title, width) + table.text();
}

}  // namespace

std::string to_text(const std::vector<StepResult>& results, int width) {
  const SystemInfo system = system_info();
  Table table({{"model"},
               {"attention"},
               {"thr", true},
               {"step ms", true},
               {"quartiles", true},
               {"tokens/s", true},
               {"floor ms", true},
               {"GFLOP/s", true},
               {"ratio", true},
               {"cpu", true},
               {"peak MiB", true},
               {"allocs/step", true}},
              width);
  for (const StepResult& r : results) {
    table.add({r.model.name, r.attention, fmt::format("{}", r.threads),
               fmt::format("{:.2f}", 1e3 * r.step.median),
               fmt::format("[{:.2f}, {:.2f}]", 1e3 * r.step.lower_quartile, 1e3 * r.step.upper_quartile),
               fmt::format("{:.0f}", r.tokens_per_second()), fmt::format("{:.2f}", 1e3 * r.floor.median),
               fmt::format("{:.1f}", r.floor_flops / r.floor.median / 1e9), fmt::format("{:.2f}", r.ratio()),
               fmt::format("{:.2f}", r.step_cpu / r.floor_cpu),
               fmt::format("{:.1f}", static_cast<double>(r.memory.resident_peak) / mib),
               fmt::format("{}", r.memory.allocations)});
  }
  std::string text = hanging("",
                             fmt::format("{}, OpenBLAS kernel {}, load {:.1f} on {} cores", system.processor,
                                         blas_info().core, load_average(), system.logical_cores),
                             width);
  text += "\n" + table.text() + "\n" +
          paragraph(
              "floor: the step's matrix products alone, back to back; ratio: step over floor; cpu: the same "
              "of processor time, which other programs disturb less; peak MiB: of the whole process; "
              "allocs/step: from the system, after step 3",
              width);
  for (const StepResult& r : results) {
    if (!r.profile.empty()) text += profile_text(r, width);
  }
  return text;
}

std::string to_json(const std::vector<StepResult>& results) {
  Json rows = Json::array();
  for (const StepResult& r : results) {
    Json profile = Json::array();
    for (const OpTime& op : r.profile) {
      profile.push_back({{"op", op.name},
                         {"calls", op.calls},
                         {"forward_ms", 1e3 * op.forward},
                         {"backward_ms", 1e3 * op.backward}});
    }
    rows.push_back({{"model", r.model.name},
                    {"vocabulary", r.model.vocabulary},
                    {"tokens", r.model.tokens},
                    {"width", r.model.width},
                    {"heads", r.model.heads},
                    {"layers", r.model.layers},
                    {"batch", r.model.batch},
                    {"attention", r.attention},
                    {"threads", r.threads},
                    {"step_ms", milliseconds(r.step)},
                    {"forward_ms", milliseconds(r.forward)},
                    {"backward_ms", milliseconds(r.backward)},
                    {"update_ms", milliseconds(r.update)},
                    {"tokens_per_second", r.tokens_per_second()},
                    {"floor_ms", milliseconds(r.floor)},
                    {"floor_gflop", r.floor_flops / 1e9},
                    {"ratio", r.ratio()},
                    {"step_cpu_ms", 1e3 * r.step_cpu},
                    {"floor_cpu_ms", 1e3 * r.floor_cpu},
                    {"peak_resident_bytes", r.memory.resident_peak},
                    {"peak_tensor_bytes", r.memory.tensor_peak},
                    {"allocations_per_step", r.memory.allocations},
                    {"heap_growth_per_step_bytes", r.memory.heap_growth}});
    if (!r.profile.empty()) rows.back()["profile"] = profile;
  }
  const Json report = {{"processor", system_info().processor},
                       {"blas_kernel", blas_info().core},
                       {"load", load_average()},
                       {"steps", rows}};
  return report.dump(2) + '\n';
}

}  // namespace lockstep::train
