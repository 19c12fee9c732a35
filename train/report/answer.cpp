#include "train/report/answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "train/report/chart_forest.h"
#include "train/report/html_parts.h"
#include "train/report/verdict_summary.h"
#include "train/report/verdict_words.h"
#include "train/text/html.h"
#include "train/text/numbers.h"

namespace lockstep::train {

namespace {

// "9.8% earlier", and below it the interval: or in words where there is no effect to speak of.
std::string size_of(const Contrast& c) {
  if (equal_to_rounding(c) == c.pairs && c.censored + c.diverged == 0)
    return "<b>no difference</b>" + small("all pairs equal to rounding");
  const double sign = c.percent < 0 ? -1 : 1;
  const int decimals = decimals_for((c.percent_high - c.percent_low) / 2, c.percent);
  const std::string size =
      fmt::format("{}% {}", number(std::abs(c.percent), decimals), c.percent < 0 ? c.less : c.more);
  const double low = sign > 0 ? c.percent_low : -c.percent_high,
               high = sign > 0 ? c.percent_high : -c.percent_low;
  const std::string interval = std::isfinite(low) && std::isfinite(high)
                                   ? fmt::format("{} to {}%", number(low, decimals), number(high, decimals))
                                   : "unbounded";
  const bool within = c.verdict == Verdict::different && c.within_margin;
  return fmt::format("<b>{}</b>{}", html_escape(size),
                     small(interval + (within ? ", within the margin" : ""))) +
         badge(c);
}

// "coupling, under muon at learning rate 0.01 beside adam at 0.001"
std::string setting_of(const Contrast& c) { return c.cause + (c.scope.empty() ? "" : ", under " + c.scope); }

std::string effects_of(const TaskSummary& task, Extent percent) {
  std::string html;
  for (const Contrast* c : by_size(task)) {
    html += fmt::format("<li><span class=\"what\">{}{}</span>{}<span class=\"size\">{}</span></li>\n",
                        html_escape(capitalised(c->name)), small(setting_of(*c)),
                        forest_strip(*c, task.margin, percent).svg("strip"), size_of(*c));
  }
  if (html.empty()) return "";
  html = fmt::format("<ol class=\"effects\">\n{}</ol>\n<div class=\"effects-axis\">{}</div>\n", html,
                     forest_strip_axis(percent).svg("strip"));
  for (const Contrast& c : task.contrasts) {
    if (!c.spread || c.metric != task.contrasts.front().metric) continue;
    html += paragraph(
        fmt::format(
            "For comparison: other random numbers for the first q, k and v (the draw) move a seed by {} "
            "{} or {}% (standard deviation), in either direction.",
            number(*c.spread), c.unit, number(100 * *c.spread / c.base)),
        "quiet");
  }
  return html;
}

}  // namespace

std::string answer_box(const StudySummary& study) {
  std::string html;
  const std::string first = storage_line(study), second = rules_line(study);
  html += fmt::format("<h2 id=\"answer\">{}</h2>\n", html_escape(first.empty() ? "What came out" : first));
  html += paragraph(second, "lead");
  std::vector<const Contrast*> shown;
  double margin = 0;
  for (const TaskSummary& task : study.tasks) {
    const std::vector<const Contrast*> of_task = by_size(task);
    shown.insert(shown.end(), of_task.begin(), of_task.end());
    margin = std::max(margin, task.margin);
  }
  const bool rules = std::ranges::any_of(shown, [](const Contrast* c) { return !c->rule.empty(); });
  if (rules) {
    html += paragraph(
        "Stored together, q, k and v are one (3d, d) matrix, d the model's width; apart, three (d, d) ones. "
        "A rule, "
        "the initialiser or the optimizer, works “by the whole tensor” if it takes the first for its matrix, "
        "“by part” if "
        "it takes the three, whatever is stored. Each row changes that for one rule and nothing else.",
        "quiet");
  }
  const Extent percent = percent_extent(shown, margin);
  for (std::size_t i = 0; i < study.tasks.size(); ++i) {
    const TaskSummary& task = study.tasks[i];
    html += fmt::format("<h3><a href=\"#task-{}\">{}</a>{}</h3>\n", i, html_escape(task.title),
                        small(task.model));
    if (!task.valid) html += paragraph("Not to be trusted: " + task.control, "warning");
    const auto judged = std::ranges::find_if(task.contrasts, [](const Contrast& c) { return c.primary; });
    if (judged != task.contrasts.end())
      html += paragraph(capitalised(judged->metric) + ", largest effect first:", "quiet");
    html += effects_of(task, percent);
  }
  if (!shown.empty()) {
    html += paragraph(
        "Marks: the mean over pairs of runs with the same seed, in percent of the run by part (or stored "
        "apart); lines: its "
        "95% interval, which would hold the true value in about 95 of 100 such studies (in fewer where the "
        "differences take "
        "only two or three values or are very skewed); shaded: the margin within which a difference was "
        "declared beforehand "
        "not to matter. ◆ different, ● equivalent, □ inconclusive.",
        "quiet");
  }
  for (const std::string& sentence : across_sentences(study)) html += paragraph(sentence);
  return html + paragraph(scope_sentence(study));
}

}  // namespace lockstep::train
