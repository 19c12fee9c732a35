#include "train/verdict_summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "train/numbers.h"
#include "train/verdict_words.h"

namespace lockstep::train {

namespace {

struct Words {
  std::string_view cause, name, meaning;
};

constexpr Words causes[] = {
    {"rounding", "rounding alone",
     "The same weights stored in another way: sums are taken in another order, so the last digits differ."},
    {"draw", "redrawing q, k and v",
     "Other random numbers from the same distribution for the first q, k and v."},
    {"distribution: scale", "the initialiser's scale",
     "The initialiser looks at the stored shape, which decides how large the first weights are."},
    {"distribution: direction", "the initialiser's direction",
     "The initialiser looks at the stored matrix as a whole, which decides how its rows relate to each "
     "other."},
    {"distribution: both", "the initialiser's scale and direction together",
     "The initialiser looks at the stored matrix: its scale and its direction together."},
    {"distribution", "the initialiser", "The initialiser looks at the stored matrix."},
    {"coupling: scale", "the optimizer's scale",
     "The optimizer looks at the stored matrix as a whole, which decides how large its steps are."},
    {"coupling: direction", "the optimizer's direction",
     "The optimizer looks at the stored matrix as a whole, which decides where its steps go."},
    {"coupling: both", "the optimizer's scale and direction together",
     "The optimizer looks at the stored matrix: its scale and its direction together."},
    {"coupling", "the optimizer", "The optimizer looks at the stored matrix as a whole."},
};

const Words* words_of(std::string_view cause) {
  const auto* found = std::find_if(std::begin(causes), std::end(causes),
                                   [&](const Words& w) { return cause.starts_with(w.cause); });
  return found == std::end(causes) ? nullptr : found;
}

// "the initialiser's scale (by head)"
std::string name_of(const std::string& cause) {
  const Words* words = words_of(cause);
  if (!words) return cause;
  const std::size_t of = cause.find(" (");
  return std::string(words->name) + (of == std::string::npos ? "" : cause.substr(of));
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

std::vector<VerdictLine> verdict_lines(const TaskSummary& task) {
  std::vector<std::string> changed, small, equal, open, together;
  for (const Overall& o : by_cause(task)) {
    const std::string sized = fmt::format("{} ({})", name_of(o.cause), size_in_words(*o.shown));
    if (!o.primary) {
      if (o.verdict == Verdict::different) together.push_back(sized);
    } else if (o.verdict == Verdict::different) {
      (o.shown->within_margin ? small : changed).push_back(sized);
    } else {
      std::string name = name_of(o.cause);
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
  add("together", together);
  add(fmt::format("changed it, by less than {}%", margin), small);
  add(fmt::format("changed nothing beyond ±{}%", margin), equal);
  add("still open with these seeds", open);
  return lines;
}

std::string verdict_summary(const TaskSummary& task) {
  std::string text = task.title + ".";
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
