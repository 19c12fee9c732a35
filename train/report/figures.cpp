#include "train/report/figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "train/report/chart_forest.h"
#include "train/report/chart_lines.h"
#include "train/report/chart_pairs.h"
#include "train/report/html_parts.h"
#include "train/report/panels.h"
#include "train/report/verdict_words.h"
#include "train/report/why_figure.h"
#include "train/text/html.h"
#include "train/text/numbers.h"

namespace lockstep::train {

namespace {

constexpr double wide = 900, narrow = 340;

std::vector<const Contrast*> tested(const TaskSummary& task, const std::string& metric) {
  std::vector<const Contrast*> list;
  for (const Contrast& c : task.contrasts) {
    if (c.verdict && c.metric == metric) list.push_back(&c);
  }
  return list;
}

std::vector<std::string> tested_metrics(const TaskSummary& task) {
  std::vector<std::string> found;
  for (const std::string& metric : metric_labels(task.contrasts)) {
    if (!tested(task, metric).empty()) found.push_back(metric);
  }
  return found;
}

// All forests of a task have one scale.
Extent percent_of(const TaskSummary& task) {
  std::vector<const Contrast*> all;
  for (const Contrast& c : task.contrasts) {
    if (c.verdict) all.push_back(&c);
  }
  return percent_extent(all, task.margin);
}

// A panel for each contrast, those of a metric with one scale.
std::vector<Panel> pair_panels(const TaskSummary& task) {
  std::vector<Panel> panels;
  for (const std::string& metric : tested_metrics(task)) {
    const std::vector<const Contrast*> contrasts = tested(task, metric);
    const Extent values = values_extent(contrasts);
    for (const Contrast* c : contrasts) {
      if (c->primary && !c->values_a.empty())
        panels.push_back({capitalised(c->cause), pairs_chart(*c, values), {}});
    }
  }
  return panels;
}

std::vector<Panel> curve_panels(const TaskSummary& task) {
  std::vector<Line> all;
  std::vector<std::pair<std::string, std::vector<const ArmCurve*>>> groups;
  for (const ArmCurve& curve : task.curves) {
    if (curve.step.empty()) continue;
    all.push_back({curve.arm, curve.step, curve.median, curve.low, curve.high});
    const auto same =
        std::ranges::find_if(groups, [&](const auto& group) { return group.first == curve.group; });
    if (same == groups.end())
      groups.push_back({curve.group, {&curve}});
    else
      same->second.push_back(&curve);
  }
  Extent y = y_extent(all);
  if (task.threshold > 0) y = {std::min(y.low, 0.95 * task.threshold), std::max(y.high, task.threshold)};
  std::vector<Panel> panels;
  for (const auto& [group, curves] : groups) {
    LineChart chart{
        .name = fmt::format("Loss over the steps under {}: median of the seeds and {}", group, task.spread),
        .x_label = "step",
        .y_label = task.loss_label,
        .x = x_extent(all),
        .y = y};
    if (task.threshold > 0) {
      chart.bound = task.threshold;
      chart.bound_label = "threshold " + number(task.threshold);
    }
    std::vector<std::pair<std::string, std::string>> legend;
    for (const ArmCurve* curve : curves) {
      chart.lines.push_back({curve->arm, curve->step, curve->median, curve->low, curve->high});
      legend.emplace_back(curve->arm, curve->label);
    }
    panels.push_back({"Under " + group, line_chart(chart), std::move(legend)});
  }
  return panels;
}

std::vector<Panel> rate_panels(const TaskSummary& task) {
  std::vector<std::pair<const Contrast*, Line>> all;
  std::vector<Line> lines;
  for (const Contrast& c : task.contrasts) {
    if (c.rates.empty()) continue;
    Line line{.name = "percent"};
    for (const RateEffect& at : c.rates) {
      line.x.push_back(at.rate);
      line.y.push_back(at.percent);
      line.low.push_back(at.judged ? at.percent_low : std::nan(""));
      line.high.push_back(at.judged ? at.percent_high : std::nan(""));
    }
    lines.push_back(line);
    all.emplace_back(&c, std::move(line));
  }
  Extent y = y_extent(lines);
  y = {std::min(y.low, -1.25 * task.margin), std::max(y.high, 1.25 * task.margin)};
  std::vector<Panel> panels;
  for (auto& [c, line] : all) {
    const Extent x = x_extent({line});
    const LineChart chart{.name = capitalised(c->cause) + ": effect in percent by learning rate",
                          .x_label = "learning rate",
                          .y_label = fmt::format("percent, + {}", c->more),
                          .x = {x.low / 1.1, x.high * 1.1},
                          .y = y,
                          .log_x = true,
                          .bound = 0.0,
                          .margin = task.margin,
                          .marks = true,
                          .lines = {std::move(line)}};
    panels.push_back({capitalised(c->cause), line_chart(chart), {}});
  }
  return panels;
}

std::vector<Panel> distance_panels(const TaskSummary& task) {
  if (task.distances.empty()) return {};
  LineChart chart{
      .name = "How far combined and separate storage come apart over the steps, in f32 and in f64",
      .x_label = "step",
      .y_label = "relative difference of the weights",
      .log_y = true};
  std::vector<std::pair<std::string, std::string>> legend;
  for (const BandCurve& curve : task.distances) {
    chart.lines.push_back({curve.name, curve.step, curve.middle, curve.low, curve.high});
    legend.emplace_back(curve.name, "median of the seeds, smallest and largest");
  }
  chart.x = x_extent(chart.lines);
  chart.y = y_extent(chart.lines, true);
  return {{"Combined against separate, from the same weights", line_chart(chart), std::move(legend)}};
}

}  // namespace

std::string forest_figures(const TaskSummary& task) {
  std::string html;
  for (const std::string& metric : tested_metrics(task)) {
    const std::vector<const Contrast*> contrasts = tested(task, metric);
    const Extent percent = percent_of(task);
    const std::string_view about = html.empty() ? "Large mark: mean of the paired differences, in percent of "
                                                  "the arm compared with. Line: 95% interval. "
                                                  "Small dots: the pairs, equal ones stacked. Shaded: the "
                                                  "equivalence margin. ◆ different, ● equivalent, "
                                                  "□ inconclusive."
                                                : "";
    html += fmt::format(
        "<figure>\n<figcaption>{}: effect of each cause<span>{}</span></figcaption>\n{}{}</figure>\n",
        html_escape(capitalised(metric)), about,
        forest_chart(contrasts, task.margin, percent, wide).svg("chart wide"),
        forest_chart(contrasts, task.margin, percent, narrow).svg("chart narrow"));
  }
  return html;
}

std::string pair_figures(const TaskSummary& task) {
  const std::vector<Panel> panels = pair_panels(task);
  if (panels.empty()) return "";
  const auto first =
      std::ranges::find_if(task.contrasts, [](const Contrast& c) { return c.primary && c.verdict; });
  return folding_figure(
      "Pair by pair: " + first->metric,
      "Each thin line is one seed, from arm A on the left to arm B on the right; the bold one "
      "joins the means. All "
      "panels have one axis. Lines that run in parallel differ alike in every pair.",
      side_by_side(panels, "panels small-panels"));
}

std::string rate_figure(const TaskSummary& task) {
  const std::vector<Panel> panels = rate_panels(task);
  if (panels.empty()) return "";
  return folding_figure(
      "Effect by learning rate",
      "Mean of the paired differences, in percent of the arm compared with. Filled: judged seeds, "
      "with the 95% "
      "interval. Open: the seeds that the rates were chosen by, too few for one. Shaded: the "
      "equivalence margin.",
      side_by_side(panels, "panels"));
}

std::string curve_figure(const TaskSummary& task) {
  const std::vector<Panel> panels = curve_panels(task);
  if (panels.empty()) return "";
  return folding_figure(
      "Loss of the arms, by optimizer",
      fmt::format(
          "Line: median over the seeds. Band: {}. A run ends when its metrics are known; a curve ends where "
          "half of its runs have crossed the threshold. Point at a legend entry to single out its arm.",
          task.spread),
      side_by_side(panels, "panels"));
}

std::string distance_figure(const TaskSummary& task) {
  const std::vector<Panel> panels = distance_panels(task);
  if (panels.empty()) return "";
  return folding_figure(
      "How far the storages come apart",
      "||w − w'|| / ||w'|| over a sample of the weights, w stored combined and w' separate, from "
      "the same first weights. "
      "If it is rounding alone, the same training in f64 comes apart about 10⁹ times less.",
      side_by_side(panels, "panels"));
}

std::vector<std::pair<std::string, std::string>> figure_files(const StudySummary& study) {
  std::vector<std::pair<std::string, std::string>> files;
  for (const TaskSummary& task : study.tasks) {
    const auto add = [&](const std::string& kind, const std::vector<Panel>& panels) {
      for (std::size_t i = 0; i < panels.size(); ++i)
        files.emplace_back(fmt::format("{}-{}-{}.svg", task.task, kind, i + 1),
                           svg_file(panels[i].drawing.svg()));
    };
    std::vector<Panel> forests;
    for (const std::string& metric : tested_metrics(task))
      forests.push_back(
          {metric, forest_chart(tested(task, metric), task.margin, percent_of(task), wide), {}});
    add("effects", forests);
    add("pairs", pair_panels(task));
    add("rates", rate_panels(task));
    add("curves", curve_panels(task));
    add("why", why_panels(task));
    add("distance", distance_panels(task));
  }
  return files;
}

}  // namespace lockstep::train
