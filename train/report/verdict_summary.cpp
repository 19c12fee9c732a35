#include "train/report/verdict_summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "train/report/verdict_words.h"
#include "train/text/numbers.h"

namespace lockstep::train {

namespace {

std::string with_and(const std::vector<std::string>& parts) {
  std::string text;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) text += i + 1 == parts.size() ? (parts.size() > 2 ? ", and " : " and ") : ", ";
    text += parts[i];
  }
  return text;
}

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
  return fmt::format("{} {}: {}, under {}{}", size, c.effect > 0 ? c.more : c.less, percent, c.scope,
                     c.slope && c.slope->depends ? ", depending on the rate" : "");
}

// Those that verdicts go by.
std::vector<const Contrast*> primary(const TaskSummary& task) {
  std::vector<const Contrast*> list;
  for (const Contrast& c : task.contrasts) {
    if (c.verdict && c.primary) list.push_back(&c);
  }
  return list;
}

// "12% later on digits"
std::string size_on(const TaskSummary& task, const Contrast& c) {
  const int decimals = decimals_for((c.percent_high - c.percent_low) / 2, c.percent);
  return fmt::format("{}% {} on {}", number(std::abs(c.percent), decimals), c.effect > 0 ? c.more : c.less,
                     task.task);
}

// A rule as it is: not its shape or its size alone.
bool is_whole_rule(const Contrast& c) { return !c.rule.empty() && c.cause.find(": ") == std::string::npos; }

// Whether the same was judged at each arm's best rate, which says more than one rate that nobody tuned.
bool is_tuned_as_well(const TaskSummary& task, const Contrast& c) {
  return c.rates.empty() && std::ranges::any_of(primary(task), [&](const Contrast* other) {
           return other->name == c.name && !other->rates.empty();
         });
}

// What was found of the rules that look at a shape, at the declared learning rates or at tuned ones.
struct Rules {
  std::vector<std::string> matter;  // beyond the margin
  bool any = false, settled = true;

  void add(const Contrast& c) {
    any = true;
    if (c.verdict == Verdict::inconclusive) settled = false;
    if (c.verdict != Verdict::different || c.within_margin) return;
    if (std::find(matter.begin(), matter.end(), c.rule) == matter.end()) matter.push_back(c.rule);
  }
};

std::string about_rules(const Rules& rules, const std::string& where) {
  if (!rules.matter.empty()) {
    return fmt::format(" What does matter, {}, is which matrix {} {} on: the stored one or a part of it.",
                       where, with_and(rules.matter), rules.matter.size() == 1 ? "works" : "work");
  }
  if (!rules.any || !rules.settled) return "";
  return fmt::format(
      " Beyond the margin it does not matter, {}, which matrix the initialiser and the optimizer "
      "work on.",
      where);
}

// Whether it matters by itself how q, k and v are stored; the margin in percent.
std::string about_storage(const Contrast& c, double margin) {
  if (c.verdict == Verdict::equivalent)
    return "How q, k and v are stored does not matter by itself: from the same first weights, combined and "
           "separate layers train alike.";
  if (c.verdict != Verdict::different)
    return "Whether it matters by itself how q, k and v are stored is still open.";
  if (c.within_margin)
    return fmt::format(
        "How q, k and v are stored matters by itself, but by less than {}%: combined and separate layers "
        "train a little differently even from the same first weights.",
        number(margin));
  return "How q, k and v are stored matters by itself: combined and separate layers train differently even "
         "from the same first weights.";
}

// 0.000488 -> "1 of 2000 studies"
std::string odds(double p) { return fmt::format("1 of {} studies", number(std::round(1 / p))); }

}  // namespace

int equal_to_rounding(const Contrast& c) {
  constexpr double four_digits = 1e-4;
  return static_cast<int>(std::ranges::count_if(
      c.differences, [&](double d) { return std::abs(d) <= four_digits * std::abs(c.base); }));
}

std::vector<const Contrast*> by_size(const TaskSummary& task) {
  std::vector<const Contrast*> list = primary(task);
  std::ranges::stable_sort(list, std::greater<>(), [](const Contrast* c) { return std::abs(c->percent); });
  return list;
}

std::string storage_line(const StudySummary& study) {
  constexpr std::string_view about = "Stored apart or together: ";
  int pairs = 0, equal = 0, unfinished = 0;
  std::vector<std::string> different;
  bool any = false, open = false;
  double margin = 0;
  for (const TaskSummary& task : study.tasks) {
    if (!task.valid) return "Not to be trusted: " + task.control;
    for (const Contrast* c : primary(task)) {
      if (!c->rule.empty()) continue;
      any = true;
      pairs += c->pairs;
      equal += equal_to_rounding(*c);
      unfinished += c->censored + c->diverged;
      margin = std::max(margin, task.margin);
      open |= c->verdict == Verdict::inconclusive;
      if (c->verdict == Verdict::different) different.push_back(size_on(task, *c));
    }
  }
  if (!any) return "";
  const std::string of_pairs = fmt::format("{} of {} equal to rounding", equal, count(pairs, "pair"));
  if (!different.empty())
    return fmt::format("{}a difference ({} when stored together; {})", about, with_and(different), of_pairs);
  if (open)
    return fmt::format("{}still open ({})", about, unfinished > 0 ? "some runs did not finish" : of_pairs);
  return equal == pairs ? fmt::format("{}no difference ({})", about, of_pairs)
                        : fmt::format("{}no difference beyond ±{}% ({})", about, number(margin), of_pairs);
}

std::string rules_line(const StudySummary& study) {
  constexpr std::size_t most = 3;
  std::vector<std::pair<double, std::string>> found;
  bool settled = true, any = false;
  for (const TaskSummary& task : study.tasks) {
    for (const Contrast* c : primary(task)) {
      if (!is_whole_rule(*c)) continue;
      any = true;
      settled &= c->verdict != Verdict::inconclusive;
      if (c->verdict != Verdict::different || c->within_margin || is_tuned_as_well(task, *c)) continue;
      found.emplace_back(
          std::abs(c->percent),
          fmt::format("{}{} ({})", c->name, c->rates.empty() ? "" : ", each arm at its best rate",
                      size_on(task, *c)));
    }
  }
  if (found.empty()) {
    return any && settled ? "Nor does it matter, beyond the margin, whether the initialiser and the "
                            "optimizer work on the whole or on parts."
                          : "";
  }
  std::ranges::stable_sort(found, std::greater<>(), [](const auto& sized) { return sized.first; });
  std::vector<std::string> names;
  for (std::size_t i = 0; i < std::min(most, found.size()); ++i) names.push_back(found[i].second);
  return fmt::format("What makes a difference, largest first: {}.", with_and(names));
}

std::string headline(const TaskSummary& task) {
  std::string text;
  Rules declared, tuned;
  for (const Contrast* c : primary(task)) {
    if (!c->rule.empty()) {
      (c->rates.empty() ? declared : tuned).add(*c);
      continue;
    }
    text = about_storage(*c, task.margin);
  }
  text += about_rules(declared, "at the declared learning rates") +
          about_rules(tuned, "with each arm at its best learning rate");
  return text.starts_with(' ') ? text.substr(1) : text;
}

std::vector<VerdictLine> verdict_lines(const TaskSummary& task) {
  std::vector<std::string> changed, small, equal, open, spread;
  for (const Contrast* c : primary(task)) {
    if (c->verdict == Verdict::different) {
      (c->within_margin ? small : changed).push_back(fmt::format("{} ({})", c->name, size_in_words(*c)));
      continue;
    }
    std::string name = c->name + (c->rates.empty() ? "" : ", tuned");
    if (c->verdict == Verdict::inconclusive && c->further_seeds > 0)
      name += fmt::format(" (about {})", count(c->further_seeds, "more seed"));
    (c->verdict == Verdict::equivalent ? equal : open).push_back(std::move(name));
  }
  for (const Contrast& c : task.contrasts) {
    if (c.spread && c.metric == task.contrasts.front().metric)
      spread.push_back(fmt::format("{} {} (standard deviation)", number(*c.spread), c.unit));
  }
  std::vector<VerdictLine> lines;
  const auto add = [&](const std::string& outcome, const std::vector<std::string>& parts) {
    if (!parts.empty()) lines.push_back({outcome, parts});
  };
  const std::string margin = number(task.margin);
  if (!task.valid) lines.push_back({"not to be trusted", {task.control}});
  add("changed training", changed);
  add(fmt::format("changed it, by less than {}%", margin), small);
  add(fmt::format("changed nothing beyond ±{}%", margin), equal);
  add("still open with these seeds", open);
  add("spread between seeds from the draw of q, k and v alone", spread);
  return lines;
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
