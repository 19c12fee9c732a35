#include "train/report/verdict_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>

#include "core/joined.h"
#include "train/text/numbers.h"

namespace lockstep::train {

namespace {

std::string with_unit(std::string text, const std::string& unit) {
  return unit.empty() ? text : text + " " + unit;
}

// "(3.7%, 95% interval 2.1 to 3.2 steps)", seen from the side on which `sign` times the effect counts up.
std::string evidence(const Contrast& c, double sign) {
  double low = sign > 0 ? c.low : -c.high, high = sign > 0 ? c.high : -c.low;
  int decimals = decimals_for((c.high - c.low) / 2, c.effect);
  std::string interval = std::isfinite(low) && std::isfinite(high)
                             ? fmt::format("{} to {}", number(low, decimals), number(high, decimals))
                             : "unbounded with so few pairs";
  if (std::isfinite(low) && std::isfinite(high)) interval = with_unit(interval, c.unit);
  if (!std::isfinite(c.percent)) return fmt::format("(95% interval {})", interval);
  int percent_decimals = decimals_for((c.percent_high - c.percent_low) / 2, c.percent);
  return fmt::format("({}%, 95% interval {})", number(sign * c.percent, percent_decimals), interval);
}

std::string size_of_effect(const Contrast& c, double sign) {
  return with_unit(number(sign * c.effect, decimals_for((c.high - c.low) / 2, c.effect)), c.unit);
}

std::string margin_of(const Contrast& c) { return with_unit("±" + number(c.margin), c.unit); }

bool equal_in_every_pair(const Contrast& c) {
  return c.effect == 0 && !c.differences.empty() &&
         std::all_of(c.differences.begin(), c.differences.end(), [](double d) { return d == 0; });
}

std::string different(const TaskSummary& task, const Contrast& c) {
  const double sign = c.effect < 0 ? -1 : 1;
  std::string text =
      fmt::format("{}: {} is {} {} than {} {}, {}.", capitalised(c.metric), arm_label(task, c.arm_b),
                  size_of_effect(c, sign), sign > 0 ? c.more : c.less, arm_label(task, c.arm_a),
                  evidence(c, sign), pairs_in_words(c));
  if (c.within_margin) text += fmt::format(" That is still within the margin of {}.", margin_of(c));
  return text;
}

std::string equivalent(const TaskSummary& task, const Contrast& c) {
  const std::string a = arm_label(task, c.arm_a), b = arm_label(task, c.arm_b);
  if (equal_in_every_pair(c)) {
    return fmt::format("{}: {} equals {} in each of {}.", capitalised(c.metric), b, a, pairs_in_words(c));
  }
  return fmt::format("{}: {} and {} differ by {} {}, within the margin of {}; {}.", capitalised(c.metric), b,
                     a, size_of_effect(c, 1), evidence(c, 1), margin_of(c), pairs_in_words(c));
}

std::string inconclusive(const TaskSummary& task, const Contrast& c) {
  std::string text =
      fmt::format("{}: {} and {} differ by {} {}", capitalised(c.metric), arm_label(task, c.arm_b),
                  arm_label(task, c.arm_a), size_of_effect(c, 1), evidence(c, 1));
  if (c.censored + c.diverged > 0) {
    text += fmt::format(
        "; {}. Nobody knows how far apart unfinished runs would have ended, so this is no evidence of "
        "equivalence.",
        pairs_in_words(c));
  } else {
    text += fmt::format(", neither clear of zero nor within the margin of {}; {}.", margin_of(c),
                        pairs_in_words(c));
  }
  if (c.further_seeds > 0) {
    text += fmt::format(" About {} would settle it.", count(c.further_seeds, "more seed"));
  }
  return text;
}

std::string spread(const Contrast& c) {
  return fmt::format(
      "{} spreads the {} with a standard deviation of {} ({}%, {}). The arms differ by their draws alone, so "
      "their mean difference is zero by construction, and nothing is tested.",
      capitalised(c.name), c.metric, with_unit(number(*c.spread), c.unit), number(100 * *c.spread / c.base),
      pairs_in_words(c));
}

// "the loss", "size of the updates, q".
std::string name_of(const PairedCurve& curve) {
  return curve.name.empty() ? "the " + curve.measured : curve.measured + ", " + curve.name;
}

}  // namespace

std::string scope_sentence(const StudySummary& study) {
  const bool tuned = std::ranges::any_of(study.tasks, [](const TaskSummary& task) {
    return std::ranges::any_of(task.contrasts, [](const Contrast& c) { return !c.rates.empty(); });
  });
  const std::string always =
      "Each verdict holds for its task, model, optimizer, learning rate and metric. At another learning rate "
      "an effect can be smaller, or the other way round: ";
  return always + (tuned
                       ? "verdicts that say tuned hold at the best rates, which were chosen on other seeds, "
                         "the rest at the rates that they name."
                       : "nobody tuned these.");
}

std::string across_sentence(const AcrossTasks& across) {
  const auto percent = [](double value) {
    return number(value, decimals_for(std::abs(value) / 20, value), true) + "%";
  };
  std::string text = fmt::format("How general is it: {} changes the primary metric by ", across.name);
  if (const auto& all = across.general) {
    text += fmt::format("{}% on average over {}, and by {} to {} on another task like these",
                        with_interval(all->mean, all->low, all->high),
                        count(static_cast<long long>(across.effects.size()), "task"), percent(all->next_low),
                        percent(all->next_high));
  } else {
    std::string list;
    for (const auto& [task, effect] : across.effects)
      list += fmt::format("{}{} on {}", list.empty() ? "" : ", ", percent(effect), task);
    text += list + "; six tasks would say what to expect of another";
  }
  if (!across.left_out.empty())
    text += fmt::format(" (without {}, where not all runs finished)", joined(across.left_out, ", "));
  return text + ".";
}

std::vector<std::string> across_sentences(const StudySummary& study) {
  if (study.across.empty()) return {};
  if (study.tasks.size() < 6) {
    return {fmt::format(
        "How general is it? Effects on {} say little about another one: each row stands for its own. "
        "Six tasks say what to expect of another (lockstep study across-tasks).",
        count(static_cast<long long>(study.tasks.size()), "task"))};
  }
  std::vector<std::string> sentences;
  for (const AcrossTasks& across : study.across) sentences.push_back(across_sentence(across));
  return sentences;
}

std::string why_sentence(const Contrast& c) {
  constexpr std::size_t most = 6;
  std::vector<std::string> parted;
  for (const PairedCurve& curve : c.paired_curves) {
    if (!curve.parting) break;
    const auto& [step, percent] = *curve.parting;
    if (parted.size() < most) {
      parted.push_back(fmt::format("{} at step {} ({}%)", name_of(curve), step,
                                   number(percent, decimals_for(std::abs(percent) / 50, percent), true)));
    } else if (curve.name.empty()) {
      parted.push_back(fmt::format("{} only at step {}", name_of(curve), step));
    }
  }
  if (parted.empty()) return "";
  return fmt::format("Why: by the band that holds a whole paired curve with 95%, the arms first part in {}.",
                     joined(parted, "; "));
}

std::string rate_sentence(const Contrast& c) {
  if (!c.slope) return "";
  const RateSlope& s = *c.slope;
  return fmt::format(
      "With each doubling of the learning rate the effect changes by {} percentage points: it {} "
      "the learning rate (p = {}, corrected).",
      with_interval(s.percent, s.low, s.high), s.depends ? "depends on" : "is not shown to depend on",
      p_value(s.p_adjusted));
}

std::string capitalised(std::string text) {
  const std::size_t end = text.find_first_of(" :");
  const bool name = text.substr(0, end).find('_') != std::string::npos;
  if (!text.empty() && !name) text[0] = char(std::toupper(static_cast<unsigned char>(text[0])));
  return text;
}

std::string explanation(const TaskSummary& task, const Contrast& c) {
  if (c.spread) return spread(c);
  if (!c.verdict) return "";
  if (c.verdict == Verdict::different) return different(task, c);
  return c.verdict == Verdict::equivalent ? equivalent(task, c) : inconclusive(task, c);
}

std::string_view word(const Contrast& c) {
  if (c.spread) return "spread";
  return c.verdict ? to_string(*c.verdict) : "not measurable";
}

std::string arm_label(const TaskSummary& task, std::string_view arm) {
  for (const ArmStatistics& row : task.arms) {
    if (row.arm == arm && !row.label.empty()) return row.label;
  }
  for (const ArmCurve& curve : task.curves) {
    if (curve.arm == arm && !curve.label.empty()) return curve.label;
  }
  return std::string(arm);
}

std::string pairs_in_words(const Contrast& c) {
  std::string text = count(c.pairs, "pair");
  if (c.censored > 0 && c.diverged > 0) {
    return text + fmt::format(", of which {} censored and {} diverged", c.censored, c.diverged);
  }
  if (c.censored > 0) return text + fmt::format(", of which {} censored", c.censored);
  if (c.diverged > 0) return text + fmt::format(", of which {} diverged", c.diverged);
  return text;
}

std::string verdict_sentence(const TaskSummary& task, const Contrast& c) {
  std::string text = fmt::format("{}: {}.", capitalised(c.cause), word(c));
  if (c.verdict || c.spread) text.append(1, ' ').append(explanation(task, c));
  if (!c.note.empty()) {
    text.append(1, ' ').append(capitalised(c.note));
    if (text.back() != '.') text += '.';
  }
  return text;
}

std::vector<std::string> verdict_sentences(const TaskSummary& task) {
  std::vector<std::string> sentences;
  for (const Contrast& contrast : task.contrasts) sentences.push_back(verdict_sentence(task, contrast));
  return sentences;
}

}  // namespace lockstep::train
