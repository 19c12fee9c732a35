#pragma once

#include <memory>
#include <vector>

#include "optim/adam.h"
#include "optim/muon.h"

namespace lockstep::optim {

// Several rules as one optimizer, each with its own parameters; groups are numbered through. Throws for a
// parameter that belongs to two.
class Composite final : public Optimizer {
 public:
  explicit Composite(std::vector<std::unique_ptr<Optimizer>> rules);
  void step(const Tensor& only_if_finite = {}) override;

 private:
  void momentum_changed() override;

  std::vector<std::unique_ptr<Optimizer>> rules_;
};

// Whether Muon is meant for it: a matrix inside a "blocks" or "layers" of the model, so no embedding and no
// head.
bool is_block_matrix(const Parameter& parameter);

// Muon for the matrices of the blocks, Adam for all else, where there is any: groups 0 and 1. Throws where no
// parameter is such a matrix.
std::unique_ptr<Optimizer> muon_with_adam(const ParameterList& parameters, const MuonOptions& muon,
                                          const AdamOptions& adam);

// As "muon+adam" in the factory: Adam's settings begin with "adam.".
struct MuonWithAdamOptions {
  MuonOptions muon;
  AdamOptions adam;

  static constexpr const char* name = "muon+adam";
  void visit(auto& field) {
    muon.visit(field);
    auto of_adam = [&](const std::string& key, auto& value, Range range = {}) {
      field("adam." + key, value, range);
    };
    adam.visit(of_adam);
  }
};

inline const Registry<RegisteredOptimizer>::Entry registered_muon_with_adam(
    {MuonWithAdamOptions::name,
     [](const std::string& name, const std::vector<SettingsGroup>& groups) {
       check(groups.size() == 1, "[{}] makes its own groups: give it one, not {}", name, groups.size());
       const auto o = options_from<MuonWithAdamOptions>(name, groups[0].settings);
       return muon_with_adam(groups[0].parameters, o.muon, o.adam);
     },
     default_settings<MuonWithAdamOptions>, couples_rows<MuonWithAdamOptions>()});

}  // namespace lockstep::optim
