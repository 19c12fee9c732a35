#include "train/report/findings.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/joined.h"
#include "train/report/verdict_words.h"
#include "train/text/numbers.h"

namespace lockstep::train {

namespace {

// "https://github.com/pytorch/pytorch/issues/166378" -> "pytorch 166378"
std::string short_name(const std::string& link) {
  std::vector<std::string> parts(1);
  for (const char c : link) {
    if (c == '/') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  const std::size_t n = parts.size();
  return n < 3 ? link : fmt::format("{} {}", parts[n - 3], parts[n - 1]);
}

std::string links(const StudySummary& study) {
  std::vector<std::string> all;
  for (const std::string& link : study.disputes)
    all.push_back(fmt::format("[{}]({})", short_name(link), link));
  return joined(all, ", ");
}

bool is_listed(const Contrast& c) { return c.primary && c.verdict.has_value(); }

// "different, depends on the learning rate"
std::string verdict_of(const Contrast& c) {
  std::string text = fmt::format("**{}**", word(c));
  if (c.verdict == Verdict::different && c.within_margin) text += ", within the margin";
  if (c.slope && c.slope->depends) text += ", depends on the learning rate";
  if (c.verdict == Verdict::inconclusive && c.further_seeds > 0)
    text += fmt::format(", about {} would settle it", count(c.further_seeds, "more seed"));
  return text;
}

std::string row_of(const StudySummary& study, const TaskSummary& task, const Contrast& c) {
  return fmt::format("| {}{} | {} | {}% | {}, {}; {} | {} | [{}](#{}) | {} |\n",
                     c.rule.empty() ? "separate against combined storage, same weights" : c.name,
                     c.rates.empty() ? "" : ", tuned", verdict_of(c),
                     with_interval(c.percent, c.percent_low, c.percent_high), task.task, c.scope, c.metric,
                     c.pairs, study.name, study.name, links(study));
}

// What the answers depend on, and how general they are.
std::string remarks_of(const StudySummary& study) {
  std::string text;
  for (const TaskSummary& task : study.tasks) {
    for (const Contrast& c : task.contrasts) {
      if (!is_listed(c) || !c.slope) continue;
      text += fmt::format("- {}, {}: {}\n", task.title, c.name, rate_sentence(c));
    }
    for (const Contrast& c : task.contrasts) {
      if (!c.verdict && !c.note.empty() && c.primary)
        text += fmt::format("- {}, {}: {}.\n", task.title, c.cause, c.note);
    }
  }
  for (const std::string& sentence : across_sentences(study)) text += fmt::format("- {}\n", sentence);
  return text;
}

std::string section_of(const StudySummary& study) {
  std::string models;
  for (const TaskSummary& task : study.tasks)
    models += fmt::format("- {}: {}\n", task.title, task.description);
  return fmt::format(
      "### {}\n\n{}\n\n`{}`{}, {}, {}; {}{}.\n\n{}{}\n", study.name, study.question, study.command,
      study.commit.empty() ? "" : fmt::format(", commit {}", study.commit), study.date,
      duration(study.seconds), study.machine,
      study.tasks.empty() || study.tasks.front().valid ? "" : "; the control failed, not to be trusted",
      models, remarks_of(study));
}

}  // namespace

std::string findings_page(std::span<const StudySummary> studies) {
  std::string page =
      "# Findings\n\nWhat the studies that come with Lockstep say. Made by `lockstep findings`; every line "
      "is one "
      "verdict of one study, in its primary metric, and holds for its scope: task, model, optimizer, "
      "learning rate. "
      "Effects are differences in percent with their 95% interval, paired by seed; *equivalent* means within "
      "5%; all "
      "tests of a study are corrected as one family.\n\n"
      "| what was changed | verdict | effect | task, learning rate; metric | seeds | study | dispute |\n"
      "|---|---|---|---|---|---|---|\n";
  for (const StudySummary& study : studies) {
    for (const TaskSummary& task : study.tasks) {
      for (const Contrast& c : task.contrasts) {
        if (is_listed(c)) page += row_of(study, task, c);
      }
    }
  }
  page += "\n## The studies\n\n";
  for (const StudySummary& study : studies) page += section_of(study);
  return page;
}

}  // namespace lockstep::train
