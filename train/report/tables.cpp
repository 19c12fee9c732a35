#include "train/report/tables.h"

#include <fmt/format.h>

#include <set>

#include "train/report/html_parts.h"
#include "train/report/verdict_words.h"
#include "train/text/html.h"
#include "train/text/numbers.h"

namespace lockstep::train {

namespace {

std::string pairs_cell(const Contrast& c) {
  std::string text = std::to_string(c.pairs);
  if (c.censored > 0) text += fmt::format("<small>{} censored</small>", c.censored);
  if (c.diverged > 0) text += fmt::format("<small>{} diverged</small>", c.diverged);
  return text;
}

std::string interval_cell(double value, double low, double high, const std::string& unit) {
  const std::string text = with_interval(value, low, high);
  const std::size_t split = text.find(' ');
  return fmt::format("{} {}", html_escape(text.substr(0, split)), html_escape(unit)) +
         (split == std::string::npos ? "" : small(text.substr(split + 1)));
}

// `brief`: what an earlier table said of the same contrast is left out.
std::string contrast_row(const Contrast& c, bool brief) {
  std::string what = fmt::format("<b>{}</b>", html_escape(capitalised(c.cause)));
  if (!c.arm_a.empty()) what += fmt::format(" {} → {}", html_escape(c.arm_a), html_escape(c.arm_b));
  const std::string once = brief ? "" : c.question;
  const std::string held = brief || c.held_equal.empty() ? "" : "Held equal: " + c.held_equal + ".";
  const std::string scope = c.scope.empty() ? "" : "Under " + c.scope + ".";
  for (const std::string& line : {once, scope, held, brief ? "" : capitalised(c.note)}) {
    if (!line.empty()) what += fmt::format("<span>{}</span>", html_escape(line));
  }
  std::string row = "<tr><td class=\"cause\">" + what + "</td>";
  std::string verdict = badge(c);
  if (c.verdict == Verdict::different && c.within_margin) verdict += small("within the margin");
  if (c.slope && c.slope->depends) verdict += small("depends on the learning rate");
  if (c.verdict == Verdict::inconclusive && c.further_seeds > 0)
    verdict += small(fmt::format("about {} would settle it", count(c.further_seeds, "further seed")));
  row += cell("verdict", verdict, "verdict");
  if (c.spread) {
    row += cell("spread", fmt::format("sd {} {}", number(*c.spread), html_escape(c.unit)));
    row += cell("spread in percent", fmt::format("sd {} %", number(100 * *c.spread / c.base)));
    return row + "<td class=\"number\" colspan=\"2\"></td>" + cell("pairs", pairs_cell(c)) + "</tr>\n";
  }
  if (!c.verdict) return row + "<td class=\"number\" colspan=\"5\"></td></tr>\n";
  row += cell("effect [95% interval]", interval_cell(c.effect, c.low, c.high, c.unit));
  row += cell("in percent [95% interval]", interval_cell(c.percent, c.percent_low, c.percent_high, "%"));
  row += cell("p (corrected)", p_value(c.p_adjusted));
  row += cell("p of equivalence (corrected)",
              p_value(c.equivalence_p_adjusted) + small(fmt::format("±{} {}", number(c.margin), c.unit)));
  return row + cell("pairs", pairs_cell(c)) + "</tr>\n";
}

}  // namespace

std::string arms_list(const TaskSummary& task) {
  std::string html;
  std::set<std::string> listed;
  for (const ArmStatistics& arm : task.arms) {
    if (!listed.insert(arm.arm).second) continue;
    html += fmt::format("<dt>{}</dt><dd>{}</dd>\n", html_escape(arm.arm), html_escape(arm.label));
  }
  return html.empty()
             ? ""
             : "<p>The arms, each one way to store, initialise and optimise:</p>\n<dl class=\"arms\">\n" +
                   html + "</dl>\n";
}

std::string contrast_tables(const TaskSummary& task) {
  std::string html;
  const std::vector<std::string> metrics = metric_labels(task.contrasts);
  for (const std::string& metric : metrics) {
    std::string rows =
        "<thead><tr><th>cause</th><th>verdict</th><th class=\"number\">effect<br>[95% interval]</th><th "
        "class=\"number\">percent of A<br>[95% interval]</th><th class=\"number\">p<br>(corrected)</th><th "
        "class=\"number\">p equiv.<br>(corrected)</th><th "
        "class=\"number\">pairs</th></tr></thead>\n<tbody>\n";
    for (const Contrast& c : task.contrasts) {
      if (c.metric == metric) rows += contrast_row(c, metric != metrics.front());
    }
    html +=
        table("Contrasts: " + metric, "A → B; an effect is B − A, so a positive one means more in B", rows);
  }
  return html;
}

std::string rate_tables(const TaskSummary& task) {
  std::string html;
  for (const Contrast& c : task.contrasts) {
    if (c.rates.empty()) continue;
    std::string rows =
        "<thead><tr><th class=\"number\">learning rate</th><th class=\"number\">A</th><th "
        "class=\"number\">B</th><th "
        "class=\"number\">percent<br>[95% interval]</th><th "
        "class=\"number\">pairs</th></tr></thead>\n<tbody>\n";
    for (const RateEffect& at : c.rates) {
      const auto mean = [&](double value, bool best) {
        return fmt::format("{}{}", best ? "★ " : "", number(value, decimals_for(0.01 * value, value)));
      };
      rows += "<tr>" + cell("learning rate", number(at.rate)) + cell("A", mean(at.mean_a, at.best_a)) +
              cell("B", mean(at.mean_b, at.best_b)) +
              cell("percent", html_escape(with_interval(at.percent, at.percent_low, at.percent_high))) +
              cell("pairs", fmt::format("{}{}", at.pairs, at.judged ? "" : small("other seeds"))) + "</tr>\n";
    }
    html += table(
        "By learning rate: " + c.cause,
        c.metric + "; B − A in percent of A; ★ the best rate of an arm; pairs with other seeds chose it",
        rows);
  }
  return html;
}

std::string arms_table(const TaskSummary& task) {
  const std::vector<std::string> metrics = metric_labels(task.arms);
  if (metrics.empty()) return "";
  std::string groups, names;
  for (const std::string& metric : metrics) {
    groups += fmt::format("<th class=\"group\" colspan=\"3\">{}</th>", html_escape(metric));
    names += "<th class=\"number\">mean</th><th class=\"number\">sd</th><th class=\"number\">median</th>";
  }
  std::string rows = fmt::format(
      "<thead><tr><th rowspan=\"2\">arm</th><th rowspan=\"2\" class=\"number\">runs</th><th rowspan=\"2\" "
      "class=\"number\">reached</th><th rowspan=\"2\" class=\"number\">censored</th><th rowspan=\"2\" "
      "class=\"number\">diverged</th>{}</tr><tr>{}</tr></thead>\n<tbody>\n",
      groups, names);
  for (const ArmStatistics& first : task.arms) {
    if (first.metric != metrics.front()) continue;
    rows += fmt::format("<tr><td><b>{}</b> {}</td>", html_escape(first.arm), html_escape(first.label));
    rows += cell("runs", std::to_string(first.n)) + cell("reached", std::to_string(first.reached)) +
            cell("censored", std::to_string(first.censored)) +
            cell("diverged", std::to_string(first.diverged));
    std::size_t known = 0;
    for (const ArmStatistics& s : task.arms) {
      if (s.arm != first.arm) continue;
      ++known;
      const int decimals = decimals_for(s.sd, s.mean);
      rows += cell(html_escape(s.metric) + ", mean", number(s.mean, decimals)) +
              cell("sd", number(s.sd, decimals)) + cell("median", number(s.median, decimals));
    }
    if (known < metrics.size())
      rows += fmt::format("<td class=\"number\" colspan=\"{}\"></td>", 3 * (metrics.size() - known));
    rows += "</tr>\n";
  }
  return table("Arms", "mean, standard deviation and median are over the runs that reached the threshold",
               rows);
}

std::string probe_tables(const TaskSummary& task) {
  std::string html;
  for (const ProbeTable& probe : task.measured) {
    std::string rows = "<thead><tr><th>arm</th>";
    for (const std::string& name : probe.names)
      rows += fmt::format("<th class=\"number\">{}</th>", html_escape(name));
    rows += "</tr></thead>\n<tbody>\n";
    for (const ProbeTable::Row& row : probe.rows) {
      rows += fmt::format("<tr><td><b>{}</b> {}</td>", html_escape(row.arm), html_escape(row.label));
      for (std::size_t i = 0; i < row.means.size(); ++i)
        rows += cell(html_escape(probe.names[i]), fmt::format("{:.3g}", row.means[i]));
      rows += "</tr>\n";
    }
    html += table("Measured: " + probe.label, probe.formula + "; mean over steps and seeds", rows);
  }
  return html;
}

}  // namespace lockstep::train
