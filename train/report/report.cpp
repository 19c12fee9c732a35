#include "train/report/report.h"

#include <fmt/format.h>

#include <algorithm>

#include "train/report/chart_data.h"
#include "train/report/verdict_summary.h"
#include "train/report/verdict_words.h"
#include "train/text/html.h"
#include "train/text/numbers.h"

namespace lockstep::train {

namespace {

std::string paragraph(std::string_view text, std::string_view css = "") {
  if (text.empty()) return "";
  return fmt::format("<p{}>{}</p>\n", css.empty() ? "" : fmt::format(" class=\"{}\"", css),
                     html_escape(text));
}

std::string badge(const Contrast& c) {
  const std::string_view verdict = word(c);
  return fmt::format("<span class=\"badge {}\">{}</span>", c.verdict ? verdict : "none", verdict);
}

// A cell; `label` is what narrow screens put before it. `html` is not escaped.
std::string cell(std::string_view label, std::string_view html, std::string_view css = "number") {
  return fmt::format("<td class=\"{}\" data-label=\"{}\">{}</td>", css, label, html);
}

std::string small(std::string_view text) {
  return text.empty() ? "" : fmt::format(" <small>{}</small>", html_escape(text));
}

// The metrics of a list in the order in which they first come.
template <typename Items>
std::vector<std::string> metrics_of(const Items& items) {
  std::vector<std::string> metrics;
  for (const auto& item : items) {
    if (std::find(metrics.begin(), metrics.end(), item.metric) == metrics.end())
      metrics.push_back(item.metric);
  }
  return metrics;
}

// ---- the answer at the top ----

std::string answer(const StudySummary& study) {
  std::string html;
  for (std::size_t i = 0; i < study.tasks.size(); ++i) {
    const TaskSummary& task = study.tasks[i];
    html += fmt::format("<h3><a href=\"#task-{}\">{}</a></h3>\n", i, html_escape(task.title));
    html += paragraph(capitalised(task.model), "quiet");
    if (task.valid) html += paragraph(headline(task));
    html += "<dl>\n";
    for (const auto& [outcome, found] : verdict_lines(task)) {
      html += fmt::format("<dt>{}</dt><dd>{}.</dd>\n", html_escape(capitalised(outcome)),
                          html_escape(capitalised(found)));
    }
    html += "</dl>\n";
  }
  return html;
}

// ---- cause by cause ----

// The first metric in full; another one where it says something else.
std::string findings(const TaskSummary& task) {
  std::string html;
  std::vector<const Contrast*> seen;
  for (const Contrast& c : task.contrasts) {
    const auto same =
        std::find_if(seen.begin(), seen.end(), [&](const Contrast* s) { return s->cause == c.cause; });
    if (same == seen.end()) {
      if (!seen.empty()) html += "</dd>\n";
      seen.push_back(&c);
      html +=
          fmt::format("<dt>{}</dt>\n<dd><p><b>{}</b>{}</p>\n", badge(c), html_escape(capitalised(c.cause)),
                      c.scope.empty() ? "" : small("under " + c.scope));
      html += paragraph(c.meaning, "quiet");
    } else if (c.verdict && c.verdict == (*same)->verdict) {
      continue;
    } else {
      html += fmt::format("<p>{} {}</p>\n", badge(c), html_escape(c.metric));
    }
    html += paragraph(explanation(task, c));
    html += paragraph(how_sure(c));
    html += paragraph(rate_sentence(c));
    html += paragraph(why_sentence(c));
    html += paragraph(capitalised(c.note));
  }
  return html + (seen.empty() ? "" : "</dd>\n");
}

// ---- tables ----

std::string pairs_cell(const Contrast& c) {
  std::string text = std::to_string(c.pairs);
  if (c.censored > 0) text += fmt::format("<small>{} censored</small>", c.censored);
  if (c.diverged > 0) text += fmt::format("<small>{} diverged</small>", c.diverged);
  return text;
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
  const auto interval = [](double value, double low, double high, const std::string& unit) {
    const std::string text = with_interval(value, low, high);
    const std::size_t split = text.find(' ');
    return fmt::format("{} {}", html_escape(text.substr(0, split)), html_escape(unit)) +
           (split == std::string::npos ? "" : small(text.substr(split + 1)));
  };
  row += cell("effect [95% interval]", interval(c.effect, c.low, c.high, c.unit));
  row += cell("in percent [95% interval]", interval(c.percent, c.percent_low, c.percent_high, "%"));
  row += cell("p (corrected)", p_value(c.p_adjusted));
  row += cell("p of equivalence (corrected)",
              p_value(c.equivalence_p_adjusted) + small(fmt::format("±{} {}", number(c.margin), c.unit)));
  return row + cell("pairs", pairs_cell(c)) + "</tr>\n";
}

std::string contrast_tables(const TaskSummary& task) {
  std::string html;
  const std::vector<std::string> metrics = metrics_of(task.contrasts);
  for (const std::string& metric : metrics) {
    html += fmt::format(
        "<table class=\"stack\">\n<caption>Contrasts: {} <span>A → B; an effect is B − A, so a positive one "
        "means "
        "more in B</span></caption>\n<thead><tr><th>cause</th><th>verdict</th><th "
        "class=\"number\">effect<br>[95% "
        "interval]</th><th class=\"number\">percent of A<br>[95% interval]</th><th "
        "class=\"number\">p<br>(corrected)</th>"
        "<th class=\"number\">p equiv.<br>(corrected)</th><th "
        "class=\"number\">pairs</th></tr></thead>\n<tbody>\n",
        html_escape(metric));
    for (const Contrast& c : task.contrasts) {
      if (c.metric == metric) html += contrast_row(c, metric != metrics.front());
    }
    html += "</tbody>\n</table>\n";
  }
  return html;
}

// The effect at every rate of the grid, of each contrast at tuned learning rates.
std::string rate_tables(const TaskSummary& task) {
  std::string html;
  for (const Contrast& c : task.contrasts) {
    if (c.rates.empty()) continue;
    html += fmt::format(
        "<table class=\"stack\">\n<caption>By learning rate: {} <span>{}; B − A in percent of A; ★ the best "
        "rate of an arm; pairs with other seeds chose it</span></caption>\n<thead><tr><th "
        "class=\"number\">learning rate</th><th class=\"number\">A</th><th class=\"number\">B</th><th "
        "class=\"number\">percent<br>[95% interval]</th><th "
        "class=\"number\">pairs</th></tr></thead>\n<tbody>\n",
        html_escape(c.cause), html_escape(c.metric));
    for (const RateEffect& at : c.rates) {
      const auto mean = [&](double value, bool best) {
        return fmt::format("{}{}", best ? "★ " : "", number(value, decimals_for(0.01 * value, value)));
      };
      html += "<tr>" + cell("learning rate", number(at.rate)) + cell("A", mean(at.mean_a, at.best_a)) +
              cell("B", mean(at.mean_b, at.best_b)) +
              cell("percent", html_escape(with_interval(at.percent, at.percent_low, at.percent_high))) +
              cell("pairs", fmt::format("{}{}", at.pairs, at.judged ? "" : small("other seeds"))) + "</tr>\n";
    }
    html += "</tbody>\n</table>\n";
  }
  return html;
}

std::string arms_table(const TaskSummary& task) {
  const std::vector<std::string> metrics = metrics_of(task.arms);
  std::string groups, names;
  for (const std::string& metric : metrics) {
    groups += fmt::format("<th class=\"group\" colspan=\"3\">{}</th>", html_escape(metric));
    names += "<th class=\"number\">mean</th><th class=\"number\">sd</th><th class=\"number\">median</th>";
  }
  std::string html = fmt::format(
      "<table class=\"stack\">\n<caption>Arms <span>mean, standard deviation and median are over the runs "
      "that "
      "reached the threshold</span></caption>\n<thead><tr><th rowspan=\"2\">arm</th><th rowspan=\"2\" "
      "class=\"number\">runs</th><th rowspan=\"2\" class=\"number\">reached</th><th rowspan=\"2\" "
      "class=\"number\">censored</th><th rowspan=\"2\" "
      "class=\"number\">diverged</th>{}</tr><tr>{}</tr></thead>\n"
      "<tbody>\n",
      groups, names);
  for (const ArmStatistics& first : task.arms) {
    if (first.metric != metrics.front()) continue;
    html += fmt::format("<tr><td><b>{}</b> {}</td>", html_escape(first.arm), html_escape(first.label));
    html += cell("runs", std::to_string(first.n)) + cell("reached", std::to_string(first.reached)) +
            cell("censored", std::to_string(first.censored)) +
            cell("diverged", std::to_string(first.diverged));
    std::size_t known = 0;
    for (const ArmStatistics& s : task.arms) {
      if (s.arm != first.arm) continue;
      ++known;
      const int decimals = decimals_for(s.sd, s.mean);
      const std::string metric = html_escape(s.metric);
      html += cell(metric + ", mean", number(s.mean, decimals)) + cell("sd", number(s.sd, decimals)) +
              cell("median", number(s.median, decimals));
    }
    if (known < metrics.size())
      html += fmt::format("<td class=\"number\" colspan=\"{}\"></td>", 3 * (metrics.size() - known));
    html += "</tr>\n";
  }
  return html + "</tbody>\n</table>\n";
}

std::string probe_tables(const TaskSummary& task) {
  std::string html;
  for (const ProbeTable& table : task.measured) {
    html += fmt::format(
        "<table class=\"stack\">\n<caption>Measured: {} <span>{}; mean over steps and "
        "seeds</span></caption>\n<thead><tr><th>arm</th>",
        html_escape(table.label), html_escape(table.formula));
    for (const std::string& name : table.names)
      html += fmt::format("<th class=\"number\">{}</th>", html_escape(name));
    html += "</tr></thead>\n<tbody>\n";
    for (const ProbeTable::Row& row : table.rows) {
      html += fmt::format("<tr><td><b>{}</b> {}</td>", html_escape(row.arm), html_escape(row.label));
      for (std::size_t i = 0; i < row.means.size(); ++i)
        html += cell(html_escape(table.names[i]), fmt::format("{:.3g}", row.means[i]));
      html += "</tr>\n";
    }
    html += "</tbody>\n</table>\n";
  }
  return html;
}

// ---- figures: empty until charts.js fills them ----

std::string forests(const TaskSummary& task, std::size_t index) {
  std::vector<Contrast> measured;
  std::copy_if(task.contrasts.begin(), task.contrasts.end(), std::back_inserter(measured),
               [](const Contrast& c) { return c.verdict.has_value(); });
  std::string html;
  const std::vector<std::string> metrics = metrics_of(measured);
  for (std::size_t i = 0; i < metrics.size(); ++i) {
    const std::string key = i > 0 ? ""
                                  : "<span>Large mark: mean of the paired differences, in percent of the arm "
                                    "compared with. Line: 95% interval. Small dots: the pairs. Shaded: the "
                                    "equivalence margin. ◆ different, ● equivalent, □ inconclusive.</span>";
    html += fmt::format(
        "<figure data-chart=\"forest\" data-task=\"{}\" data-index=\"{}\"><figcaption>{}: effect of each "
        "cause{}</figcaption></figure>\n",
        index, i, html_escape(capitalised(metrics[i])), key);
  }
  return html;
}

std::string rate_figure(const TaskSummary& task, std::size_t index) {
  const bool any = std::ranges::any_of(task.contrasts, [](const Contrast& c) { return !c.rates.empty(); });
  if (!any) return "";
  return fmt::format(
      "<figure data-chart=\"rates\" data-task=\"{}\"><figcaption>Effect by learning rate<span>Mean of the "
      "paired "
      "differences, in percent of the arm compared with. Filled: judged seeds, with the 95% interval. Open: "
      "the "
      "seeds that the rates were chosen by, too few for one. A, B: the best rate of either arm. Shaded: the "
      "equivalence margin.</span></figcaption></figure>\n",
      index);
}

std::string curves(const TaskSummary& task, std::size_t index) {
  if (task.curves.empty()) return "";
  return fmt::format(
      "<figure data-chart=\"curves\" data-task=\"{}\"><figcaption>Loss of the arms, by optimizer<span>Line: "
      "median over "
      "the seeds. Band: {}. A run ends when its metrics are known; a curve ends where half of its runs have "
      "crossed "
      "the threshold. Point at a legend entry to single out its arm.</span></figcaption></figure>\n",
      index, html_escape(task.spread));
}

std::string section_of(const TaskSummary& task, std::size_t index) {
  return filled(report_file("task.html"), {{"index", std::to_string(index)},
                                           {"title", html_escape(task.title)},
                                           {"description", html_escape(task.description)},
                                           {"warning", task.valid ? "" : paragraph(task.control, "warning")},
                                           {"forests", forests(task, index)},
                                           {"findings", findings(task)},
                                           {"contrasts", contrast_tables(task)},
                                           {"rates", rate_figure(task, index) + rate_tables(task)},
                                           {"curves", curves(task, index)},
                                           {"arms", arms_table(task)},
                                           {"measured", probe_tables(task)}});
}

std::string facts(const StudySummary& study) {
  std::string text;
  const auto add = [&](const std::string& fact) {
    if (!fact.empty()) text += (text.empty() ? "" : " · ") + fact;
  };
  // "2026-01-02T03:04:05Z"
  const std::size_t t = study.date.find('T');
  add(t == std::string::npos
          ? study.date
          : fmt::format("{} {} UTC", study.date.substr(0, t), study.date.substr(t + 1, 8)));
  add(study.machine);
  if (study.seconds > 0) add(duration(study.seconds));
  add(study.version.empty() ? "" : "Lockstep " + study.version);
  return html_escape(text);
}

}  // namespace

std::string report_page(const StudySummary& study) {
  std::string tasks, controls, data, environment, notes;
  for (std::size_t i = 0; i < study.tasks.size(); ++i) {
    const TaskSummary& task = study.tasks[i];
    tasks += section_of(task, i);
    controls += paragraph(fmt::format("Control, {}: {}", task.title, task.control));
    data += fmt::format("{}{}", i > 0 ? "," : "", chart_data(task));
  }
  for (const auto& [name, value] : study.environment)
    environment += fmt::format("<tr><td>{}</td><td>{}</td></tr>\n", html_escape(name), html_escape(value));
  for (const std::string& note : study.notes) notes += fmt::format("<li>{}</li>\n", html_escape(note));
  if (!notes.empty()) notes = "<section>\n<h2>Notes</h2>\n<ul>\n" + notes + "</ul>\n</section>";
  return filled(report_file("page.html"),
                {{"version", html_escape(study.version)},
                 {"question", html_escape(study.question)},
                 {"name", html_escape(study.name)},
                 {"facts", facts(study)},
                 {"answer", answer(study)},
                 {"scope", scope_sentence(study)},
                 {"test", std::string(report_file(study.anytime ? "test_anytime.html" : "test_fixed.html"))},
                 {"tasks", tasks},
                 {"controls", controls},
                 {"notes", notes},
                 {"command", html_escape(study.command)},
                 {"config", html_escape(study.config_toml)},
                 {"environment", environment},
                 {"style", std::string(report_file("style.css"))},
                 {"data", in_script(fmt::format("[{}]", data))},
                 {"forest", in_script(report_file("forest.vg.json"))},
                 {"rates", in_script(report_file("rates.vg.json"))},
                 {"curves", in_script(report_file("curves.vg.json"))},
                 {"vega", std::string(report_file("vega.js"))},
                 {"charts", std::string(report_file("charts.js"))}});
}

}  // namespace lockstep::train
