#include "train/probes/probe.h"

#include <algorithm>

// The probes, in the order in which they are shown.
// clang-format off
#include "train/probes/weight_distance.h"
#include "train/probes/weight_size.h"
#include "train/probes/update_size.h"
// clang-format on

namespace lockstep::train {

std::span<const ProbeKind> probes() { return Registry<ProbeKind>::all(); }

ProbeSet::ProbeSet(const ProbePlan& plan) {
  for (const ProbeKind& kind : probes()) {
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

Measurements ProbeSet::measured() && {
  Measurements all;
  for (auto& [key, probe] : probes_) all[key] = std::move(*probe).measured();
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
