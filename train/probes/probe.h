#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/registry.h"
#include "train/training/training.h"

// What is measured of a training beside its loss. A probe's file, train/probes/NAME.h, says what it measures,
// by which formula and from which source, ends with an entry of Registry<ProbeKind>, and probe.cpp includes
// it. study.h5 and probes.csv write whatever the probes give.
namespace lockstep::train {

// Named numbers over the steps.
struct Series {
  std::vector<std::string> names;
  std::vector<std::int64_t> steps;  // updates done before
  std::vector<double> values;       // (steps, names)
};

// What a run keeps until the run that it is compared with is there, too.
using Snapshot = std::map<std::string, std::vector<double>>;

struct Measured {
  Series series;
  Snapshot snapshot;  // empty: nothing is compared, or it has been
};

// Measured values of a run, by the probes' keys.
using Measurements = std::map<std::string, Measured>;

// Looks at one training, around each of its updates.
class Probe : public UpdateObserver {
 public:
  virtual Measured measured() const = 0;  // so far
};

// What a run is measured for.
struct ProbePlan {
  std::int64_t last_step = 0;               // the last one that every run of the study takes
  bool compared = false;                    // with another run, which starts from the same weights
  std::vector<std::string> requested = {};  // keys of probes that are made on request alone
};

struct ProbeKind {
  std::string key;    // in files: "weight_distance"
  std::string label;  // "relative difference of all weights"
  std::string unit;   // "1": a ratio
  std::string formula, source;
  // Nothing where the run has nothing to be measured.
  std::unique_ptr<Probe> (*make)(const ProbePlan& plan);
  // What two runs' snapshots say of each other; the second is the reference. Null: runs are not compared.
  Series (*compare)(const Snapshot& run, const Snapshot& reference) = nullptr;
  bool on_request = false;  // costs too much to be made always
};

// ProbeKind::make of what two runs are compared by at the last step that both take.
template <typename P>
std::unique_ptr<Probe> make_if_compared(const ProbePlan& plan) {
  return plan.compared ? std::make_unique<P>(plan.last_step) : nullptr;
}

// In the order in which they are shown.
std::span<const ProbeKind> probes();
// Throws where one of the keys is that of no probe, with the nearest.
void check_probes(const std::vector<std::string>& keys);

// All probes of one run.
class ProbeSet final : public UpdateObserver {
 public:
  explicit ProbeSet(const ProbePlan& plan);
  bool looks_at(const Training& training) const override;
  void before_update(const Training& training) override;
  void after_update(const Training& training) override;
  Measurements measured() const;

 private:
  std::vector<std::pair<std::string, std::unique_ptr<Probe>>> probes_;
};

// Puts what the snapshots of both runs say in both runs' series, in the snapshots' place.
void compare(Measurements& run, Measurements& reference);

}  // namespace lockstep::train
