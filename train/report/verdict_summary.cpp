#include "train/report/verdict_summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "train/text/numbers.h"
#include "train/report/verdict_words.h"

namespace lockstep::train {

namespace {

struct Words {
  std::string_view cause, name, meaning;  // {} in the name: the rule
};

constexpr Words causes[] = {
    {"rounding", "rounding alone",
     "The same weights stored in another way: sums are taken in another order, so the last digits differ."},
    {"draw", "redrawing q, k and v",
     "Other random numbers from the same distribution for the first q, k and v."},
    {"distribution: scale", "{}'s scale",
     "The initialiser looks at the stored tensor or at each head instead of q, k and v each: that decides "
     "how "
     "large the first weights are."},
    {"distribution: direction", "{}'s direction",
     "The initialiser looks at the stored tensor or at each head instead of q, k and v each: that decides "
     "which rows are made orthogonal to each other."},
    {"distribution: both", "{}'s scale and direction", "The initialiser's scale and direction together."},
    {"coupling: scale", "{}'s scale",
     "The optimizer looks at the stored tensor or at each head instead of q, k and v each: that decides how "
     "large its steps are."},
    {"coupling: direction", "{}'s direction",
     "The optimizer looks at the stored tensor or at each head instead of q, k and v each: that decides "
     "where "
     "its steps go."},
    {"coupling: both", "{}'s scale and direction", "The optimizer's scale and direction together."},
};

const Words* words_of(std::string_view cause) {
  const auto* found = std::find_if(std::begin(causes), std::end(causes),
                                   [&](const Words& w) { return cause.starts_with(w.cause); });
  return found == std::end(causes) ? nullptr : found;
}

// "xavier_uniform's scale by head"
std::string name_of(const Contrast& c) {
  const Words* words = words_of(c.cause);
  if (!words) return c.cause;
  const char* any = c.cause.starts_with("distribution") ? "the initialiser" : "the optimizer";
  return fmt::format(fmt::runtime(words->name), c.rule.empty() ? any : c.rule) +
         (c.cause.ends_with(" (by head)") ? " by head" : "");
}

// "2.7 steps later: +3.8%, 95% interval +2.9% to +4.6%"; "mean training loss of the first 60 steps: +1.2%,
// ..."
std::string size_in_words(const Contrast& c) {
  const int percent_decimals = decimals_for((c.percent_high - c.percent_low) / 2, c.percent);
  std::string percent = number(c.percent, percent_decimals, true) + "%";
  if (std::isfinite(c.percent_low) && std::isfinite(c.percent_high)) {
    percent += fmt::format(", 95% interval {}% to {}%", number(c.percent_low, percent_decimals, true),
                           number(c.percent_high, percent_decimals, true));
  }
  if (c.unit != "steps") return fmt::format("{}: {}", c.metric, percent);
  const int decimals = decimals_for((c.high - c.low) / 2, c.effect);
  return fmt::format("{} steps {}: {}", number(std::abs(c.effect), decimals),
                     c.effect > 0 ? "later" : "earlier", percent);
}

// A cause over all its metrics.
struct Overall {
  std::string cause;
  bool primary = true;
  const Contrast* shown = nullptr;  // the first metric that differs; else the first
  Verdict verdict = Verdict::equivalent;
};

std::vector<Overall> by_cause(const TaskSummary& task) {
  std::vector<Overall> list;
  for (const Contrast& c : task.contrasts) {
    if (!c.verdict) continue;
    auto known = std::find_if(list.begin(), list.end(), [&](const Overall& o) { return o.cause == c.cause; });
    if (known == list.end()) known = list.insert(known, {c.cause, c.primary, &c, *c.verdict});
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

std::string meaning_of(std::string_view cause) {
  const Words* words = words_of(cause);
  return words ? std::string(words->meaning) : "";
}

std::string headline(const TaskSummary& task) {
  const std::vector<Overall> found = by_cause(task);
  std::string text;
  std::vector<std::string> rules;
  bool shapes = false, settled = true;
  for (const Overall& o : found) {
    if (o.cause == "rounding") {
      text =
          o.verdict == Verdict::equivalent ? "How q, k and v are stored does not matter by itself: from the "
                                             "same first weights, combined and "
                                             "separate layers train alike."
          : o.verdict == Verdict::different
              ? "How q, k and v are stored matters by itself: combined and separate layers train differently "
                "even from the same first weights."
              : "Whether it matters by itself how q, k and v are stored is still open.";
    }
    if (!o.primary || o.shown->rule.empty()) continue;
    shapes = true;
    if (o.verdict == Verdict::inconclusive) settled = false;
    if (o.verdict != Verdict::different || o.shown->within_margin) continue;
    if (std::find(rules.begin(), rules.end(), o.shown->rule) == rules.end()) rules.push_back(o.shown->rule);
  }
  const std::string blank = text.empty() ? "" : " ";
  if (!rules.empty()) {
    text += fmt::format("{}What does matter is which matrix {} works on: the stored one or a part of it.",
                        blank, joined(rules));
  } else if (shapes && settled) {
    text += blank +
            "Nor does it matter, beyond the margin, which matrix the initialiser and the optimizer work on.";
  }
  return text;
}

std::vector<VerdictLine> verdict_lines(const TaskSummary& task) {
  std::vector<std::string> changed, small, equal, open, together;
  for (const Overall& o : by_cause(task)) {
    const std::string sized = fmt::format("{} ({})", name_of(*o.shown), size_in_words(*o.shown));
    if (o.verdict == Verdict::different) {
      (o.shown->within_margin ? small : o.primary ? changed : together).push_back(sized);
    } else if (o.primary) {
      std::string name = name_of(*o.shown);
      if (o.verdict == Verdict::inconclusive && o.shown->further_seeds > 0)
        name += fmt::format(" (about {})", count(o.shown->further_seeds, "more seed"));
      (o.verdict == Verdict::equivalent ? equal : open).push_back(std::move(name));
    }
  }
  std::vector<VerdictLine> lines;
  const auto add = [&](const std::string& outcome, const std::vector<std::string>& parts) {
    if (!parts.empty()) lines.push_back({outcome, joined(parts)});
  };
  const std::string margin = number(task.margin);
  if (!task.valid) lines.push_back({"not to be trusted", task.control});
  add("changed training", changed);
  add("taken together", together);
  add(fmt::format("changed it, by less than {}%", margin), small);
  add(fmt::format("changed nothing beyond ±{}%", margin), equal);
  add("still open with these seeds", open);
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
