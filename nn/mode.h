#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "core/random/keyed_stream.h"

// What a forward pass depends on besides its inputs belongs to the run, not to the module: whether it trains,
// and the randomness of dropout. A scoped guard says it for this thread:
//
//   for (std::uint64_t step = 0; step < steps; ++step) {
//     nn::TrainingMode training(seed, step);
//     Tensor loss = cross_entropy(model(x), y);
//   }
//   nn::EvaluationMode evaluation;
//   Tensor y = model(x);
//
// Without a guard, a module with dropout throws: neither is the default. Guards nest; the innermost counts.
namespace lockstep::nn {

class Mode {
 public:
  Mode(const Mode&) = delete;
  Mode& operator=(const Mode&) = delete;

  // The innermost on this thread, or null.
  static Mode* current();
  virtual bool is_training() const = 0;

 protected:
  Mode();
  virtual ~Mode();

 private:
  Mode* outer_;
};

class EvaluationMode final : public Mode {
 public:
  bool is_training() const override { return false; }
};

// One training step. A dropout mask depends on (seed, path of the dropout, step, how often that dropout ran
// in this step before) and on nothing else: adding a layer shifts none, and a resumed run draws what it would
// have drawn.
class TrainingMode final : public Mode {
 public:
  TrainingMode(std::uint64_t seed, std::uint64_t step) : seed_(seed), step_(step) {}
  bool is_training() const override { return true; }
  // The stream of this call of the dropout at this path.
  KeyedStream dropout_stream(std::string_view path);

 private:
  std::uint64_t seed_, step_;
  std::map<std::string, std::uint64_t, std::less<>> calls_;
};

}  // namespace lockstep::nn
