#include "train/report/latex.h"

#include <fmt/format.h>

#include <cmath>
#include <map>

#include "train/report/verdict_words.h"
#include "train/text/numbers.h"

namespace lockstep::train {

namespace {

// Plain text in LaTeX.
std::string tex(std::string_view text) {
  static const std::map<char, std::string> written = {{'\\', "\\textbackslash{}"},
                                                      {'_', "\\_"},
                                                      {'%', "\\%"},
                                                      {'&', "\\&"},
                                                      {'#', "\\#"},
                                                      {'$', "\\$"},
                                                      {'{', "\\{"},
                                                      {'}', "\\}"},
                                                      {'~', "\\textasciitilde{}"},
                                                      {'^', "\\textasciicircum{}"},
                                                      {'<', "\\textless{}"},
                                                      {'>', "\\textgreater{}"}};
  std::string out;
  for (const char c : text) {
    const auto found = written.find(c);
    out += found == written.end() ? std::string(1, c) : found->second;
  }
  return out;
}

// A number in math mode, where a minus is one.
std::string interval(double value, double low, double high) {
  const std::string text = with_interval(value, low, high);
  const std::size_t split = text.find(' ');
  if (split == std::string::npos) return "$" + text + "$";
  const std::string rest = text.substr(split + 1);
  return rest == "[unbounded]"
             ? "$" + text.substr(0, split) + "$ [unbounded]"
             : fmt::format("${}$ $[{}]$", text.substr(0, split), rest.substr(1, rest.size() - 2));
}

std::string row_of(const Contrast& c) {
  std::string effect = "--", percent = "--", p = "--";
  if (c.verdict) {
    effect = interval(c.effect, c.low, c.high);
    percent = interval(c.percent, c.percent_low, c.percent_high);
    p = "$" + p_value(c.verdict == Verdict::equivalent ? c.equivalence_p_adjusted : c.p_adjusted) + "$";
  } else if (c.spread) {
    effect = "sd $" + number(*c.spread) + "$";
    percent = "sd $" + number(100 * *c.spread / c.base) + "$";
  }
  return fmt::format("  {} & {} & {} & {} & {} & {} & {} \\\\\n", tex(capitalised(c.cause)),
                     tex(c.scope.empty() ? "--" : c.scope), word(c), effect, percent, p, c.pairs);
}

}  // namespace

std::string latex_table(const StudySummary& study) {
  std::string out = "% \\usepackage{booktabs}\n";
  for (const TaskSummary& task : study.tasks) {
    std::string rows;
    const Contrast* first = nullptr;
    for (const Contrast& c : task.contrasts) {
      if (!c.primary || c.pairs == 0) continue;
      if (!first) first = &c;
      rows += row_of(c);
    }
    if (!first) continue;
    out += fmt::format(
        "\\begin{{table}}\n  \\centering\n  \\caption{{{}, {}: {}. Mean paired difference with its 95\\% "
        "interval, in {} and "
        "in percent of the arm compared with; equivalence margin $\\pm{}\\%$; $p$ corrected over the study, "
        "of the "
        "equivalence where that is the verdict. Each verdict holds for its setting alone.}}\n"
        "  \\begin{{tabular}}{{lllllll}}\n  \\toprule\n  cause & under & verdict & {} & percent & $p$ & "
        "pairs \\\\\n  \\midrule\n{}"
        "  \\bottomrule\n  \\end{{tabular}}\n\\end{{table}}\n",
        tex(task.title), tex(task.model), tex(first->metric), tex(first->unit), number(task.margin),
        tex(first->unit), rows);
  }
  return out;
}

std::string bibtex(const StudySummary& study) {
  return fmt::format(
      "@software{{lockstep,\n  title   = {{Lockstep: attention models trained in two configurations side by "
      "side}},\n"
      "  author  = {{{{The Lockstep authors}}}},\n  version = {{{}}},\n  year    = {{{}}},\n  license = "
      "{{Apache-2.0}}\n}}\n",
      study.version, study.date.substr(0, 4));
}

}  // namespace lockstep::train
