#include <algorithm>
#include <cstddef>

#include "core/error.h"
#include "train/statistics/statistics.h"

namespace lockstep::train {
namespace {

// Everything about one comparison that doesn't depend on the others.
Finding examine(const Comparison& comparison, double alpha) {
  const auto& [pairs, margin] = comparison;
  check(margin > 0, "[judge] expected an equivalence margin above 0: got {}", margin);
  Finding finding{};
  finding.difference = summarize(pairs.differences);
  finding.interval = sign_flip_interval(pairs.differences, 1 - alpha);
  finding.equivalence_interval = sign_flip_interval(pairs.differences, 1 - 2 * alpha);
  finding.p_different = sign_flip_test(pairs.differences).p_two_sided;
  finding.p_equivalent = pairs.unfinished > 0 ? 1 : equivalence_p(pairs.differences, margin);
  return finding;
}

// Holm's next step tests at alpha / (hypotheses not yet rejected).
double next_alpha(std::span<const double> adjusted, double alpha) {
  const auto open = std::ranges::count_if(adjusted, [&](double p) { return p > alpha; });
  return alpha / static_cast<double>(std::max<std::ptrdiff_t>(open, 1));
}

// The sooner of a difference and an equivalence, in pairs beyond those there are.
std::optional<Further> plan(const Comparison& comparison, const Summary& difference,
                            const PlanOptions& show_difference, const PlanOptions& show_equivalence) {
  const std::size_t count = difference.count;
  if (count < 2) return Further{.pairs = min_pairs_equivalence - count, .towards = Verdict::inconclusive};
  const auto further = [&](std::size_t total, Verdict towards) {
    return Further{.pairs = total > count ? total - count : 1, .towards = towards};
  };
  const auto different = pairs_for_difference(difference.mean, difference.sd, show_difference);
  // More seeds don't say where unfinished runs would have ended.
  const auto equivalent =
      comparison.pairs.unfinished > 0
          ? std::nullopt
          : pairs_for_equivalence(difference.mean, difference.sd, comparison.margin, show_equivalence);
  if (different && (!equivalent || *different <= *equivalent)) return further(*different, Verdict::different);
  if (equivalent) return further(*equivalent, Verdict::equivalent);
  return std::nullopt;
}

}  // namespace

std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::different:
      return "different";
    case Verdict::equivalent:
      return "equivalent";
    case Verdict::inconclusive:
      return "inconclusive";
  }
  fail("[to_string] no such verdict: {}", static_cast<int>(verdict));
}

std::vector<Finding> judge(std::span<const Comparison> primaries, const Criteria& criteria) {
  const double alpha = criteria.alpha;
  check(alpha > 0 && alpha < 0.5, "[judge] expected alpha between 0 and 0.5: got {}", alpha);
  std::vector<Finding> findings;
  std::vector<double> p_different, p_equivalent;
  for (const Comparison& primary : primaries) {
    findings.push_back(examine(primary, alpha));
    p_different.push_back(findings.back().p_different);
    p_equivalent.push_back(findings.back().p_equivalent);
  }
  p_different = holm(p_different);
  p_equivalent = holm(p_equivalent);
  const PlanOptions show_difference{next_alpha(p_different, alpha), criteria.power, criteria.max_pairs};
  const PlanOptions show_equivalence{next_alpha(p_equivalent, alpha), criteria.power, criteria.max_pairs};
  for (std::size_t i = 0; i < findings.size(); ++i) {
    Finding& finding = findings[i];
    finding.p_different_holm = p_different[i];
    finding.p_equivalent_holm = p_equivalent[i];
    finding.within_margin = p_equivalent[i] <= alpha;
    finding.verdict = p_different[i] <= alpha ? Verdict::different
                      : finding.within_margin ? Verdict::equivalent
                                              : Verdict::inconclusive;
    if (finding.verdict != Verdict::inconclusive) continue;
    finding.further = plan(primaries[i], finding.difference, show_difference, show_equivalence);
  }
  return findings;
}

}  // namespace lockstep::train
