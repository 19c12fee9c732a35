// Combined against separate storage of q, k and v as text and as JSON.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "train/bench/efficiency.h"
#include "train/text/text_layout.h"

namespace lockstep::train {

namespace {

using Json = nlohmann::ordered_json;

// A difference counts where the interval leaves out 1, and the median is at least 1 % away from it: less is
// not worth a choice.
constexpr double least = 1.01;
bool combined_wins(const TimeRatio& r) { return r.lower > 1 && r.median >= least; }
bool separate_wins(const TimeRatio& r) { return r.upper < 1 && r.median <= 1 / least; }

std::string cell(const TimeRatio& r) {
  const char* const winner = combined_wins(r) ? "c" : separate_wins(r) ? "s" : "=";
  return fmt::format("{:.3f} [{:.3f}, {:.3f}] {}", r.median, r.lower, r.upper, winner);
}

std::string percent(double ratio) { return fmt::format("{:.0f} %", 100 * (ratio - 1)); }

std::string wins(const char* name, std::vector<double> factors, std::size_t cells) {
  if (factors.empty()) return fmt::format("{} nowhere", name);
  const auto [low, high] = std::minmax_element(factors.begin(), factors.end());
  return fmt::format("{} in {} of {} cells, by {} to {}", name, factors.size(), cells, percent(*low),
                     percent(*high));
}

Json json_of(const EfficiencyResult::Phase& phase) {
  return {{"combined_ms", 1e3 * phase.combined.median},
          {"separate_ms", 1e3 * phase.separate.median},
          {"separate_over_combined", phase.ratio.median},
          {"lower", phase.ratio.lower},
          {"upper", phase.ratio.upper}};
}

}  // namespace

Table efficiency_table(int width) {
  return Table({{"width", true, 5},
                {"tokens", true, 6},
                {"step ms", true, 11},
                {"forward", false, 22},
                {"backward", false, 22},
                {"step", false, 22},
                {"memory", true, 19}},
               width);
}

Table::Cells cells_of(const EfficiencyResult& r) {
  return {fmt::format("{}", r.width),
          fmt::format("{}", r.tokens),
          fmt::format("{:.3f}", 1e3 * r.step.combined.median),
          cell(r.forward.ratio),
          cell(r.backward.ratio),
          cell(r.step.ratio),
          fmt::format(
              "{:.1f} MiB {:+.1f} %", static_cast<double>(r.combined_memory) / (1 << 20),
              100 * (static_cast<double>(r.separate_memory) / static_cast<double>(r.combined_memory) - 1))};
}

std::string efficiency_verdict(const std::vector<EfficiencyResult>& results, int width) {
  std::string text = "\n" + paragraph(
                                "separate over combined: the median of pairs side by side, with its 95 % "
                                "interval; step ms and MiB are those of combined",
                                width);
  constexpr std::pair<const char*, EfficiencyResult::Phase EfficiencyResult::*> phases[] = {
      {"forward", &EfficiencyResult::forward},
      {"backward", &EfficiencyResult::backward},
      {"step", &EfficiencyResult::step}};
  for (const auto& [name, phase] : phases) {
    std::vector<double> combined, separate;
    for (const EfficiencyResult& r : results) {
      const TimeRatio& ratio = (r.*phase).ratio;
      if (combined_wins(ratio)) combined.push_back(ratio.median);
      if (separate_wins(ratio)) separate.push_back(1 / ratio.median);
    }
    text += hanging(
        fmt::format("{:<9} ", name),
        fmt::format("{}; {}; no difference in {}", wins("combined wins (c)", combined, results.size()),
                    wins("separate wins (s)", separate, results.size()),
                    results.size() - combined.size() - separate.size()),
        width);
  }
  return text;
}

std::string to_json(const EfficiencyOptions& options, const std::vector<EfficiencyResult>& results) {
  Json rows = Json::array();
  for (const EfficiencyResult& r : results) {
    rows.push_back({{"width", r.width},
                    {"tokens", r.tokens},
                    {"threads", options.threads},
                    {"forward", json_of(r.forward)},
                    {"backward", json_of(r.backward)},
                    {"step", json_of(r.step)},
                    {"combined_peak_bytes", r.combined_memory},
                    {"separate_peak_bytes", r.separate_memory}});
  }
  return Json{{"efficiency", rows}}.dump(2) + '\n';
}

}  // namespace lockstep::train
