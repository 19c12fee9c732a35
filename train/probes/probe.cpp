#include "train/probes/probe.h"

#include <algorithm>

#include "train/text/nearest.h"

// The probes, in the order in which they are shown.
// clang-format off
#include "train/probes/weight_distance.h"
#include "train/probes/weight_drift.h"
#include "train/probes/weight_size.h"
#include "train/probes/update_size.h"
#include "train/probes/gradient_norm.h"
#include "train/probes/stable_rank.h"
#include "train/probes/head_circuits.h"
#include "train/probes/attention_entropy.h"
#include "train/probes/largest_logit.h"
#include "train/probes/head_scores.h"
#include "train/probes/rank_collapse.h"
#include "train/probes/linear_cka.h"
#include "train/probes/noise_scale.h"
#include "train/probes/sharpness.h"
// clang-format on

namespace lockstep::train {

std::span<const ProbeKind> probes() { return Registry<ProbeKind>::all(); }

void check_probes(const std::vector<std::string>& keys) {
  std::vector<std::string> known;
  for (const ProbeKind& kind : probes()) known.push_back(kind.key);
  for (const std::string& key : keys) expect_one_of("probes", key, known);
}

ProbeSet::ProbeSet(const ProbePlan& plan) {
  for (const ProbeKind& kind : probes()) {
    if (kind.on_request && std::ranges::find(plan.requested, kind.key) == plan.requested.end()) continue;
    if (auto probe = kind.make(plan)) probes_.emplace_back(kind.key, std::move(probe));
  }
}

bool ProbeSet::looks_at(const Training& training) const {
  return std::ranges::any_of(probes_, [&](const auto& keyed) { return keyed.second->looks_at(training); });
}

void ProbeSet::before_update(const Training& training) {
  for (const auto& [key, probe] : probes_)
    if (probe->looks_at(training)) probe->before_update(training);
}

void ProbeSet::after_update(const Training& training) {
  for (const auto& [key, probe] : probes_)
    if (probe->looks_at(training)) probe->after_update(training);
}

Measurements ProbeSet::measured() const {
  Measurements all;
  for (const auto& [key, probe] : probes_) all[key] = probe->measured();
  return all;
}

void compare(Measurements& run, Measurements& reference) {
  for (const ProbeKind& kind : probes()) {
    if (!kind.compare) continue;
    Measured &a = run[kind.key], &b = reference[kind.key];
    if (a.snapshot.empty() || b.snapshot.empty()) continue;
    a.series = b.series = kind.compare(a.snapshot, b.snapshot);
    a.snapshot.clear();
    b.snapshot.clear();
  }
}

}  // namespace lockstep::train
