#pragma once

#include "train/probes/probe.h"

namespace lockstep::train {

// A probe that looks before every so many updates, as long as the run goes on: numbers of which the names
// come with the first look.
class AtIntervals : public Probe {
 public:
  explicit AtIntervals(std::int64_t every = 10) : every_(every) {}
  bool looks_at(const Training& training) const final { return training.steps_done() % every_ == 0; }
  void before_update(const Training& training) final {
    series_.steps.push_back(training.steps_done());
    look(training);
  }
  Measured measured() const final { return {.series = series_}; }

 protected:
  // Calls add() in the same order every time.
  virtual void look(const Training& training) = 0;
  void add(const std::string& name, double value) {
    if (series_.steps.size() == 1) series_.names.push_back(name);
    series_.values.push_back(value);
  }

 private:
  std::int64_t every_;  // steps
  Series series_;
};

// Makes it.
template <typename P>
std::unique_ptr<Probe> make_at_intervals(const ProbePlan&) {
  return std::make_unique<P>();
}

}  // namespace lockstep::train
