#include "optim/adamw.h"

namespace lockstep::optim {

namespace {

Adam::Groups as_adam(const AdamW::Groups& groups) {
  Adam::Groups result;
  for (const auto& [parameters, o] : groups) {
    result.push_back({parameters, {o.lr, o.betas, o.eps, o.weight_decay, o.amsgrad, o.maximize, true}});
  }
  return result;
}

}  // namespace

AdamW::AdamW(const ParameterList& parameters, const AdamWOptions& options)
    : AdamW(Groups{{parameters, options}}) {}
AdamW::AdamW(const Groups& groups) : Adam(as_adam(groups)) {}

}  // namespace lockstep::optim
