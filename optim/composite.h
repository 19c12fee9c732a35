#pragma once

#include <memory>
#include <vector>

#include "optim/adam.h"
#include "optim/muon.h"

namespace lockstep::optim {

// Several rules as one optimizer, each with its own parameters. Groups are counted through.
class Composite final : public Optimizer {
 public:
  explicit Composite(std::vector<std::unique_ptr<Optimizer>> rules);

  void step(const Tensor& only_if_finite = {}) override;
  int groups() const override;
  double lr(int group = 0) const override;
  using Optimizer::set_lr;
  void set_lr(int group, double lr) override;
  std::optional<double> momentum(int group = 0) const override;
  void set_momentum(int group, double momentum) override;
  ParameterList parameters() const override;
  OptimizerState state() const override;

 private:
  // The rule that has a group, and the group's number there.
  std::pair<Optimizer&, int> find(int group) const;

  std::vector<std::unique_ptr<Optimizer>> rules_;
};

// Whether Muon is meant for it: a matrix inside a "blocks" or "layers" of the model, so no embedding and no
// head.
bool is_block_matrix(const Parameter& parameter);

// Muon for the matrices of the blocks, Adam for all else, where there is any: groups 0 and 1.
std::unique_ptr<Optimizer> muon_with_adam(const ParameterList& parameters, const MuonOptions& muon,
                                          const AdamOptions& adam);

// As "muon+adam" in the factory: Adam's settings begin with "adam.".
RegisteredOptimizer muon_with_adam_by_name();
inline const Registry<RegisteredOptimizer>::Entry registered_muon_with_adam(muon_with_adam_by_name());

}  // namespace lockstep::optim
