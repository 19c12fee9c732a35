#include "train/report/verdict_summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "train/report/verdict_words.h"
#include "train/text/numbers.h"

namespace lockstep::train {

namespace {

// "2.7 steps later: +3.8%, 95% interval +2.9% to +4.6%, under adam at learning rate 0.001"
std::string size_in_words(const Contrast& c) {
  const int percent_decimals = decimals_for((c.percent_high - c.percent_low) / 2, c.percent);
  std::string percent = number(c.percent, percent_decimals, true) + "%";
  if (std::isfinite(c.percent_low) && std::isfinite(c.percent_high)) {
    percent += fmt::format(", 95% interval {}% to {}%", number(c.percent_low, percent_decimals, true),
                           number(c.percent_high, percent_decimals, true));
  }
  const int decimals = decimals_for((c.high - c.low) / 2, c.effect);
  const std::string size = fmt::format("{} {}", number(std::abs(c.effect), decimals), c.unit);
  return fmt::format("{} {}: {}, under {}", size, c.effect > 0 ? c.more : c.less, percent, c.scope);
}

// A cause over all its metrics.
struct Overall {
  std::string cause;
  const Contrast* shown = nullptr;  // the first metric that differs; else the first
  Verdict verdict = Verdict::equivalent;
};

std::vector<Overall> by_cause(const TaskSummary& task) {
  std::vector<Overall> list;
  for (const Contrast& c : task.contrasts) {
    if (!c.verdict) continue;
    auto known = std::find_if(list.begin(), list.end(), [&](const Overall& o) { return o.cause == c.cause; });
    if (known == list.end()) known = list.insert(known, {c.cause, &c, *c.verdict});
    if (known->verdict == Verdict::different || c.verdict == Verdict::equivalent) continue;
    known->verdict = *c.verdict;
    known->shown = &c;
  }
  return list;
}

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) text += i + 1 == parts.size() ? (parts.size() > 2 ? ", and " : " and ") : ", ";
    text += parts[i];
  }
  return text;
}

// 0.000488 -> "1 of 2000 studies"
std::string odds(double p) { return fmt::format("1 of {} studies", number(std::round(1 / p))); }

}  // namespace

std::string headline(const TaskSummary& task) {
  std::string text;
  std::vector<std::string> rules;
  bool shapes = false, settled = true;
  for (const Overall& o : by_cause(task)) {
    if (o.shown->rule.empty()) {
      text =
          o.verdict == Verdict::equivalent ? "How q, k and v are stored does not matter by itself: from the "
                                             "same first weights, combined and "
                                             "separate layers train alike."
          : o.verdict == Verdict::different
              ? "How q, k and v are stored matters by itself: combined and separate layers train differently "
                "even from the same first weights."
              : "Whether it matters by itself how q, k and v are stored is still open.";
      continue;
    }
    shapes = true;
    if (o.verdict == Verdict::inconclusive) settled = false;
    if (o.verdict != Verdict::different || o.shown->within_margin) continue;
    if (std::find(rules.begin(), rules.end(), o.shown->rule) == rules.end()) rules.push_back(o.shown->rule);
  }
  const std::string blank = text.empty() ? "" : " ";
  if (!rules.empty()) {
    text += fmt::format(
        "{}What does matter, at these learning rates, is which matrix {} works on: the stored one or a part "
        "of "
        "it.",
        blank, joined(rules));
  } else if (shapes && settled) {
    text += blank +
            "Nor does it matter, beyond the margin and at these learning rates, which matrix the initialiser "
            "and the optimizer work on.";
  }
  return text;
}

std::vector<VerdictLine> verdict_lines(const TaskSummary& task) {
  std::vector<std::string> changed, small, equal, open, spread;
  for (const Overall& o : by_cause(task)) {
    const std::string sized = fmt::format("{} ({})", o.shown->name, size_in_words(*o.shown));
    if (o.verdict == Verdict::different) {
      (o.shown->within_margin ? small : changed).push_back(sized);
    } else {
      std::string name = o.shown->name;
      if (o.verdict == Verdict::inconclusive && o.shown->further_seeds > 0)
        name += fmt::format(" (about {})", count(o.shown->further_seeds, "more seed"));
      (o.verdict == Verdict::equivalent ? equal : open).push_back(std::move(name));
    }
  }
  for (const Contrast& c : task.contrasts) {
    if (c.spread && c.metric == task.contrasts.front().metric)
      spread.push_back(fmt::format("{} {} (standard deviation)", number(*c.spread), c.unit));
  }
  std::vector<VerdictLine> lines;
  const auto add = [&](const std::string& outcome, const std::vector<std::string>& parts) {
    if (!parts.empty()) lines.push_back({outcome, joined(parts)});
  };
  const std::string margin = number(task.margin);
  if (!task.valid) lines.push_back({"not to be trusted", task.control});
  add("changed training", changed);
  add(fmt::format("changed it, by less than {}%", margin), small);
  add(fmt::format("changed nothing beyond ±{}%", margin), equal);
  add("still open with these seeds", open);
  add("spread between seeds from the draw of q, k and v alone", spread);
  return lines;
}

std::string verdict_summary(const TaskSummary& task) {
  std::string text = task.title + ".";
  if (task.valid) text += fmt::format(" {}", headline(task));
  for (const auto& [outcome, found] : verdict_lines(task))
    text += fmt::format(" {}: {}.", capitalised(outcome), found);
  return text;
}

std::string how_sure(const Contrast& c) {
  if (c.verdict == Verdict::different && c.p_adjusted > 0) {
    return fmt::format("If this cause did nothing, chance would show so clear a difference in at most {}.",
                       odds(c.p_adjusted));
  }
  if (c.verdict == Verdict::equivalent && c.equivalence_p_adjusted > 0) {
    return fmt::format(
        "If the true difference were as large as the margin, chance would show so small a one in at "
        "most {}.",
        odds(c.equivalence_p_adjusted));
  }
  return "";
}

}  // namespace lockstep::train
