#include "train/statistics/anytime.h"

#include <algorithm>
#include <cmath>

#include "train/statistics/e_process.h"

namespace lockstep::train {

namespace {

Evidence evidence_of(const Comparison& comparison) {
  Evidence reached = evidence(comparison.pairs.differences, comparison.margin);
  // Nobody knows how far apart unfinished runs would have ended.
  if (!comparison.may_be_equivalent || comparison.pairs.unfinished() > 0) reached.equivalent = 1;
  return reached;
}

}  // namespace

std::vector<Finding> judge_anytime(std::span<const Comparison> family, const Criteria& criteria) {
  const double alpha = criteria.alpha;
  std::vector<Evidence> reached;
  for (const Comparison& comparison : family) reached.push_back(evidence_of(comparison));
  const std::vector<FamilyP> adjusted = e_holm(reached);
  std::vector<Finding> findings;
  for (std::size_t i = 0; i < family.size(); ++i) {
    const auto& [pairs, margin, may_be_equivalent] = family[i];
    Finding& finding = findings.emplace_back();
    finding.difference = summarize(pairs.differences);
    finding.interval = confidence_sequence(pairs.differences, margin, 1 - alpha);
    finding.equivalence_interval = confidence_sequence(pairs.differences, margin, 1 - 2 * alpha);
    finding.p_different = 1 / reached[i].different;
    finding.p_equivalent = 1 / reached[i].equivalent;
    finding.adjusted = adjusted[i];
    finding.within_margin = adjusted[i].equivalent <= alpha;
    finding.verdict = verdict_of(adjusted[i], alpha);
  }
  return findings;
}

bool is_decided(const Comparison& comparison, std::size_t family, double alpha) {
  const Evidence reached = evidence_of(comparison);
  return std::max(reached.different, reached.equivalent) >= static_cast<double>(family) / alpha;
}

std::size_t fewest_to_decide(std::size_t family, double alpha) {
  // A pair multiplies the evidence by less than 2.
  return static_cast<std::size_t>(std::floor(std::log2(static_cast<double>(family) / alpha))) + 1;
}

}  // namespace lockstep::train
