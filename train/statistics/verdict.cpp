#include "train/statistics/verdict.h"

#include <algorithm>
#include <cstddef>

#include "core/error.h"
#include "train/statistics/equivalence.h"
#include "train/statistics/planning.h"
#include "train/statistics/step_down.h"

namespace lockstep::train {
namespace {

// Everything about one comparison that doesn't depend on the others; `told`: its told_apart().
Finding examine(const Comparison& comparison, const std::vector<double>& told, double alpha) {
  const auto& [pairs, margin, may_be_equivalent] = comparison;
  check(margin > 0, "[judge] expected an equivalence margin above 0: got {}", margin);
  Finding finding{};
  finding.difference = summarize(pairs.differences);
  finding.interval = sign_flip_interval(pairs.differences, 1 - alpha);
  finding.equivalence_interval = sign_flip_interval(pairs.differences, 1 - 2 * alpha);
  finding.p_different = sign_flip_test(told).p_two_sided;
  const bool equivalence = may_be_equivalent && pairs.unfinished() == 0;
  finding.p_equivalent = equivalence ? equivalence_p(told, margin) : 1;
  return finding;
}

// Bonferroni's bound for the comparisons that have no verdict yet: a plan need not be sharp.
double next_alpha(std::span<const FamilyP> adjusted, double alpha) {
  const auto open = std::ranges::count_if(
      adjusted, [&](const FamilyP& p) { return p.different > alpha && p.equivalent > alpha; });
  return alpha / static_cast<double>(std::max<std::ptrdiff_t>(open, 1));
}

// The sooner of a difference and an equivalence, in pairs beyond those there are.
std::optional<Further> plan(const Comparison& comparison, const Summary& difference,
                            const PlanOptions& options) {
  const std::size_t count = difference.count;
  if (count < 2) return Further{.pairs = min_pairs_equivalence - count, .towards = Verdict::inconclusive};
  const auto further = [&](std::size_t total, Verdict towards) {
    return Further{.pairs = total > count ? total - count : 1, .towards = towards};
  };
  const auto different = pairs_for_difference(difference.mean, difference.sd, options);
  // More seeds don't say where unfinished runs would have ended.
  const auto equivalent =
      comparison.pairs.unfinished() > 0 || !comparison.may_be_equivalent
          ? std::nullopt
          : pairs_for_equivalence(difference.mean, difference.sd, comparison.margin, options);
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

Verdict verdict_of(const FamilyP& adjusted, double alpha) {
  if (adjusted.different <= alpha) return Verdict::different;
  return adjusted.equivalent <= alpha ? Verdict::equivalent : Verdict::inconclusive;
}

std::vector<Finding> judge(std::span<const Comparison> family, const Criteria& criteria) {
  const double alpha = criteria.alpha;
  check(alpha > 0 && alpha < 0.5, "[judge] expected alpha between 0 and 0.5: got {}", alpha);
  std::vector<Finding> findings;
  std::vector<std::vector<double>> differences;
  for (const Comparison& comparison : family) {
    differences.push_back(told_apart(comparison.pairs));
    findings.push_back(examine(comparison, differences.back(), alpha));
  }
  std::vector<FamilyMember> members;
  for (std::size_t i = 0; i < family.size(); ++i)
    members.push_back(
        {differences[i], family[i].margin, family[i].may_be_equivalent && family[i].pairs.unfinished() == 0});
  const std::vector<FamilyP> adjusted = step_down(members);
  const PlanOptions options{next_alpha(adjusted, alpha), criteria.power, criteria.max_pairs};
  for (std::size_t i = 0; i < findings.size(); ++i) {
    Finding& finding = findings[i];
    finding.adjusted = adjusted[i];
    finding.within_margin = adjusted[i].equivalent <= alpha;
    finding.verdict = verdict_of(adjusted[i], alpha);
    if (finding.verdict == Verdict::inconclusive)
      finding.further = plan(family[i], finding.difference, options);
  }
  return findings;
}

}  // namespace lockstep::train
