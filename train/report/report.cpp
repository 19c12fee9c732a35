#include "train/report/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "train/report/answer.h"
#include "train/report/figures.h"
#include "train/report/html_parts.h"
#include "train/report/latex.h"
#include "train/report/report_file.h"
#include "train/report/svg.h"
#include "train/report/tables.h"
#include "train/report/verdict_summary.h"
#include "train/report/verdict_words.h"
#include "train/report/why_figure.h"
#include "train/text/html.h"
#include "train/text/numbers.h"

namespace lockstep::train {

namespace {

// Cause by cause. The first metric in full; another one where it says something else.
std::string findings(const TaskSummary& task) {
  std::string html;
  std::vector<const Contrast*> seen;
  for (const Contrast& c : task.contrasts) {
    const auto same = std::ranges::find_if(seen, [&](const Contrast* s) { return s->cause == c.cause; });
    if (same == seen.end()) {
      if (!seen.empty()) html += "</dd>\n";
      seen.push_back(&c);
      const std::string scope = c.scope.empty() ? "" : fmt::format("{}, under {}", task.task, c.scope);
      html += fmt::format("<dt>{}</dt>\n<dd><p><b>{}</b>{}</p>\n", badge(c),
                          html_escape(capitalised(c.cause)), small(scope));
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

std::string section_of(const TaskSummary& task, std::size_t index) {
  return filled(report_file("task.html"),
                {{"index", std::to_string(index)},
                 {"title", html_escape(task.title)},
                 {"description", html_escape(task.description)},
                 {"warning", task.valid ? "" : paragraph(task.control, "warning")},
                 {"arms_list", arms_list(task)},
                 {"forests", forest_figures(task)},
                 {"findings", findings(task)},
                 {"contrasts", contrast_tables(task)},
                 {"pairs", pair_figures(task)},
                 {"rates", rate_figure(task) + rate_tables(task)},
                 {"curves", curve_figure(task) + why_figure(task) + distance_figure(task)},
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
  std::string tasks, controls, environment, notes;
  for (std::size_t i = 0; i < study.tasks.size(); ++i) {
    const TaskSummary& task = study.tasks[i];
    tasks += section_of(task, i);
    controls += paragraph(fmt::format("Control, {}: {}", task.title, task.control));
  }
  for (const auto& [name, value] : study.environment)
    environment += fmt::format("<tr><td>{}</td><td>{}</td></tr>\n", html_escape(name), html_escape(value));
  for (const std::string& note : study.notes) notes += fmt::format("<li>{}</li>\n", html_escape(note));
  if (!notes.empty()) notes = "<section>\n<h2>Notes</h2>\n<ul>\n" + notes + "</ul>\n</section>";
  if (!study.disputes.empty()) {
    notes += "<section>\n<h2>Who asked</h2>\n<p>Public discussions that this study answers:</p>\n<ul>\n";
    for (const std::string& link :
         study.disputes) {  // a study file may come from anybody: no javascript: or the like
      const std::string text = html_escape(link);
      notes += link.starts_with("https://") ? fmt::format("<li><a href=\"{0}\">{0}</a></li>\n", text)
                                            : fmt::format("<li>{}</li>\n", text);
    }
    notes += "</ul>\n</section>";
  }
  return filled(report_file("page.html"),
                {{"version", html_escape(study.version)},
                 {"question", html_escape(study.question)},
                 {"name", html_escape(study.name)},
                 {"facts", facts(study)},
                 {"answer", answer_box(study)},
                 {"test", std::string(report_file(study.anytime ? "test_anytime.html" : "test_fixed.html"))},
                 {"tasks", tasks},
                 {"controls", controls},
                 {"notes", notes},
                 {"command", html_escape(study.command)},
                 {"latex", html_escape(latex_table(study))},
                 {"bibtex", html_escape(bibtex(study))},
                 {"config", html_escape(study.config_toml)},
                 {"environment", environment},
                 {"style", std::string(report_file("style.css")) + chart_style(ChartColours::of_page)},
                 {"script", std::string(report_file("charts.js"))}});
}

}  // namespace lockstep::train
