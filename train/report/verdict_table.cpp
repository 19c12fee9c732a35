#include "train/report/verdict_table.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "core/joined.h"
#include "train/report/verdict_summary.h"
#include "train/report/verdict_words.h"
#include "train/text/numbers.h"
#include "train/text/output.h"
#include "train/text/terminal.h"
#include "train/text/text_layout.h"

namespace lockstep::train {

namespace {

bool same_metric(const Contrast& a, const Contrast& b) { return a.metric == b.metric && a.unit == b.unit; }

// The margin that all contrasts of the table share, if they do.
bool one_margin(const std::vector<Contrast>& contrasts) {
  return std::all_of(contrasts.begin(), contrasts.end(),
                     [&](const Contrast& c) { return c.margin == contrasts.front().margin; });
}

std::string in_unit(const std::string& text, const std::string& unit) {
  return unit.empty() ? text : text + " " + unit;
}

std::string_view colour_of(const std::optional<Verdict>& verdict) {
  if (verdict == Verdict::different) return "33";   // yellow
  if (verdict == Verdict::equivalent) return "36";  // cyan
  return "2";                                       // faint
}

Table::Cells cells_of(const Contrast& c, bool colour) {
  std::string in_unit = "-", percent = "-";
  if (c.verdict) {
    in_unit = with_interval(c.effect, c.low, c.high);
    percent = with_interval(c.percent, c.percent_low, c.percent_high);
  } else if (c.spread) {
    in_unit = "sd " + number(*c.spread);
    percent = "sd " + number(100 * *c.spread / c.base);
  }
  const std::string verdict = colour ? coloured(word(c), colour_of(c.verdict)) : std::string(word(c));
  return {c.cause, verdict, in_unit, percent, std::to_string(c.pairs)};
}

// What a reader must know beside the numbers. `brief`: an earlier table said what holds for every metric.
std::vector<std::string> remarks(const Contrast& c, bool with_margin, bool brief) {
  std::vector<std::string> lines, together;
  if (c.censored + c.diverged > 0) lines.push_back(pairs_in_words(c));
  if (!brief && !c.scope.empty()) together.push_back("under " + c.scope);
  if (with_margin && c.margin > 0)
    together.push_back("equivalence margin ±" + in_unit(number(c.margin), c.unit));
  if (c.verdict == Verdict::different && c.within_margin) together.emplace_back("within the margin");
  if (c.slope && c.slope->depends) together.emplace_back("depends on the learning rate");
  if (!together.empty()) lines.push_back(joined(together, "; "));
  if (!brief && !c.held_equal.empty()) lines.push_back("held equal: " + c.held_equal);
  if (c.verdict == Verdict::inconclusive && c.further_seeds > 0) {
    lines.push_back(fmt::format("about {} would settle it", count(c.further_seeds, "more seed")));
  }
  if (!c.note.empty()) lines.push_back(c.note);
  return lines;
}

// All of one metric.
std::string table_of(const std::vector<Contrast>& contrasts, int width, bool colour, bool brief) {
  const Contrast& first = contrasts.front();
  Table table({{"cause"},
               {"verdict"},
               {first.unit.empty() ? "effect [95%]" : first.unit + " [95%]"},
               {"percent [95%]"},
               {"pairs"}},
              width);
  table.ruled();
  const bool shared = one_margin(contrasts);
  for (const Contrast& c : contrasts) table.add(cells_of(c, colour), remarks(c, !shared, brief));
  std::string out = table.text();
  if (shared && first.margin > 0) {
    out += fmt::format("equivalence margin: ±{}\n", in_unit(number(first.margin), first.unit));
  }
  return out;
}

}  // namespace

std::string verdict_table(const TaskSummary& task, int width, bool colour) {
  std::string out;
  std::vector<Contrast> left = task.contrasts;
  while (!left.empty()) {
    auto others = std::stable_partition(left.begin(), left.end(), [first = left.front()](const Contrast& c) {
      return same_metric(first, c);
    });
    std::vector<Contrast> table(left.begin(), others);
    left.erase(left.begin(), others);
    const bool brief = !out.empty();
    if (brief) out += "\n";
    const std::string model = task.model.empty() ? "" : fmt::format(" ({})", task.model);
    for (const std::string& line : wrap(fmt::format("{}{}: {}", task.title, model, table.front().metric),
                                        std::min(width, page_width))) {
      out += line + "\n";
    }
    out += table_of(table, width, colour, brief);
  }
  return out;
}

std::string verdict_paragraphs(const TaskSummary& task, int width) {
  constexpr int indent = 2;
  std::string out = paragraph(task.title + "." + (task.valid ? " " + headline(task) : ""), width);
  for (const auto& [outcome, causes] : verdict_lines(task)) {
    out += indented(paragraph(capitalised(outcome) + ":", width - indent), indent);
    for (const std::string& cause : causes) out += indented(paragraph(cause, width - 2 * indent), 2 * indent);
  }
  return out;
}

void print_verdict(const StudySummary& study) {
  const bool colour = wants_colour(STDOUT_FILENO);
  const int width = output_width(), lines = std::min(width, page_width);
  for (const TaskSummary& task : study.tasks) show("{}\n", verdict_table(task, width, colour));
  for (const std::string& line : wrap(storage_line(study), lines))
    show("{}\n", colour ? coloured(line, "1") : line);
  for (const std::string& line : wrap(rules_line(study), lines)) show("{}\n", line);
  for (const TaskSummary& task : study.tasks) show("\n{}", verdict_paragraphs(task, lines));
  if (!study.across.empty()) show("\n");
  for (const std::string& sentence : across_sentences(study)) show("{}", paragraph(sentence, lines));
  show("\n{}", paragraph(scope_sentence(study), lines));
}

}  // namespace lockstep::train
