#include "train/report/why_figure.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "train/report/chart_lines.h"
#include "train/report/verdict_words.h"
#include "train/text/html.h"

namespace lockstep::train {

namespace {

constexpr std::size_t most_probes = 5, most_names = 4;  // of a contrast, and of a probe, the earliest to part

// The curves of a contrast by what was measured: the loss first, then probes in the order in which they part.
using Grouped = std::vector<std::pair<std::string, std::vector<const PairedCurve*>>>;

Grouped grouped(const Contrast& contrast) {
  Grouped groups;
  for (const PairedCurve& curve : contrast.paired_curves) {
    if (curve.difference.step.size() < 2) continue;  // a point is no curve; why_sentence() names it
    const bool loss = curve.name.empty();
    if (loss) groups.insert(groups.begin(), {curve.measured, {}});
    auto group = std::ranges::find(groups, curve.measured, &Grouped::value_type::first);
    if (group == groups.end()) {
      if (!curve.parting || groups.size() > most_probes) continue;
      group = groups.insert(groups.end(), {curve.measured, {}});
    }
    if (group->second.size() < most_names) group->second.push_back(&curve);
  }
  return groups;
}

Line line_of(const PairedCurve& curve) {
  const BandCurve& band = curve.difference;
  return {curve.name.empty() ? "B - A" : curve.name, band.step, band.middle, band.low, band.high};
}

std::vector<Line> lines_of(const std::vector<const PairedCurve*>& curves) {
  std::vector<Line> lines;
  for (const PairedCurve* curve : curves) lines.push_back(line_of(*curve));
  return lines;
}

// Panels of one quantity under one optimizer and rate share their axes.
using Extents = std::map<std::pair<std::string, std::string>, std::pair<Extent, Extent>>;

Extents shared_extents(const TaskSummary& task) {
  std::map<Extents::key_type, std::vector<Line>> lines;
  for (const Contrast& contrast : task.contrasts) {
    for (const auto& [measured, curves] : grouped(contrast)) {
      const std::vector<Line> of_panel = lines_of(curves);
      std::vector<Line>& all = lines[{measured, contrast.scope}];
      all.insert(all.end(), of_panel.begin(), of_panel.end());
    }
  }
  Extents extents;
  for (const auto& [key, all] : lines) extents[key] = {x_extent(all), y_extent(all)};
  return extents;
}

std::string parting_in_words(const PairedCurve& curve) {
  return curve.parting ? fmt::format("first apart at step {}", curve.parting->step) : "never apart";
}

std::vector<Panel> panels_of(const Contrast& contrast, const Extents& extents) {
  std::vector<Panel> panels;
  for (const auto& [measured, curves] : grouped(contrast)) {
    const auto& [x, y] = extents.at({measured, contrast.scope});
    const std::string& unit = curves.front()->unit;
    LineChart chart{
        .name = fmt::format("{}: {} of {} less that of {} over the steps, with its 95% band",
                            capitalised(contrast.cause), measured, contrast.arm_b, contrast.arm_a),
        .x_label = "step",
        .y_label = "difference" + (unit == "1" ? "" : ", " + unit),
        .x = x,
        .y = y,
        .bound = 0.0,
        .lines = lines_of(curves)};
    std::vector<std::pair<std::string, std::string>> legend;
    for (std::size_t i = 0; i < curves.size(); ++i)
      legend.emplace_back(chart.lines[i].name, parting_in_words(*curves[i]));
    panels.push_back({capitalised(measured), line_chart(chart), std::move(legend)});
  }
  return panels;
}

}  // namespace

std::vector<Panel> why_panels(const TaskSummary& task) {
  const Extents extents = shared_extents(task);
  std::vector<Panel> all;
  for (const Contrast& contrast : task.contrasts) {
    for (Panel& panel : panels_of(contrast, extents)) all.push_back(std::move(panel));
  }
  return all;
}

std::string why_figure(const TaskSummary& task) {
  const Extents extents = shared_extents(task);
  std::string html;
  for (const Contrast& contrast : task.contrasts) {
    const std::vector<Panel> panels = panels_of(contrast, extents);
    if (panels.empty()) continue;
    const bool parts = contrast.paired_curves.front().parting.has_value();
    const bool open = contrast.verdict == Verdict::different;
    html += fmt::format("<details{}>\n<summary>{}: {} → {}{}</summary>\n{}</details>\n", open ? " open" : "",
                        html_escape(capitalised(contrast.cause)), html_escape(contrast.arm_a),
                        html_escape(contrast.arm_b), parts ? "" : " (nothing parts)",
                        side_by_side(panels, "panels"));
  }
  if (html.empty()) return "";
  return folding_figure(
      "Why: where the arms part, and in what",
      "Mean over the pairs of what arm B has more than arm A, with the band that holds the whole "
      "true curve with 95%: where it is clear of zero, the arms have parted. Of a probe those of "
      "its numbers that part first. Panels of one quantity under one optimizer have one axis.",
      html);
}

}  // namespace lockstep::train
