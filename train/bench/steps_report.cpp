// Step times as text and as JSON.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "core/processor.h"
#include "core/runtime/system.h"
#include "train/bench/steps.h"

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

std::string profile_text(const StepResult& r) {
  double total = 0;
  for (const OpTime& op : r.profile) total += op.forward + op.backward;
  std::string text = fmt::format("\n{} {}, {} thread{}: where a step of {:.2f} ms goes\n", r.model.name,
                                 r.attention, r.threads, r.threads == 1 ? "" : "s", 1e3 * total);
  text +=
      fmt::format("  {:<18}{:>7}{:>13}{:>13}{:>8}\n", "op", "calls", "forward ms", "backward ms", "share");
  for (const OpTime& op : r.profile) {
    text += fmt::format("  {:<18}{:>7}{:>13.3f}{:>13.3f}{:>6.1f} %\n", op.name, op.calls, 1e3 * op.forward,
                        1e3 * op.backward, 100 * (op.forward + op.backward) / total);
  }
  return text;
}

}  // namespace

std::string to_text(const std::vector<StepResult>& results) {
  const SystemInfo system = system_info();
  std::string text = fmt::format("{}, OpenBLAS kernel {}, load {:.1f} on {} cores\n\n", system.processor,
                                 blas_info().core, load_average(), system.logical_cores);
  text += fmt::format("{:<6}{:<10}{:>3}{:>10}{:>22}{:>11}{:>11}{:>9}{:>7}{:>7}{:>10}{:>13}\n", "model",
                      "attention", "thr", "step ms", "quartiles", "tokens/s", "floor ms", "GFLOP/s", "ratio",
                      "cpu", "peak MiB", "allocs/step");
  for (const StepResult& r : results) {
    text += fmt::format(
        "{:<6}{:<10}{:>3}{:>10.2f}{:>22}{:>11.0f}{:>11.2f}{:>9.1f}{:>7.2f}{:>7.2f}{:>10.1f}{:>13}\n",
        r.model.name, r.attention, r.threads, 1e3 * r.step.median,
        fmt::format("[{:.2f}, {:.2f}]", 1e3 * r.step.lower_quartile, 1e3 * r.step.upper_quartile),
        r.tokens_per_second(), 1e3 * r.floor.median, r.floor_flops / r.floor.median / 1e9, r.ratio(),
        r.step_cpu / r.floor_cpu, static_cast<double>(r.memory.resident_peak) / mib, r.memory.allocations);
  }
  text +=
      "\nfloor: the step's matrix products alone, back to back; ratio: step over floor; cpu: the same of "
      "processor time,\nwhich other programs disturb less; peak MiB: of the whole process; allocs/step: from "
      "the system, after step 3\n";
  for (const StepResult& r : results) {
    if (!r.profile.empty()) text += profile_text(r);
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
