#include "train/training/part_factors.h"

#include <fmt/format.h>

#include <array>

#include "core/autograd.h"
#include "core/ops.h"

namespace lockstep::train {

namespace {

using Factor = double RunConfig::*;

// The rows of q, k and v whose names end with one of `kinds`, where their factor is not 1.
std::vector<std::pair<Tensor, double>> scaled_rows(const RunConfig& config,
                                                   const std::array<Factor, 3>& factors,
                                                   const std::vector<std::string>& kinds,
                                                   const ParameterList& parameters) {
  constexpr const char* names[] = {"q", "k", "v"};
  std::vector<std::pair<Tensor, double>> found;
  for (const Parameter& parameter : parameters) {
    for (const RowRange& range : row_ranges(parameter, Granularity::part)) {
      for (std::size_t part = 0; part < factors.size(); ++part) {
        for (const std::string& kind : kinds) {
          const double factor = config.*factors[part];
          if (factor != 1 && range.name.ends_with(fmt::format(".{}.{}", names[part], kind)))
            found.emplace_back(rows(parameter.tensor, range), factor);
        }
      }
    }
  }
  return found;
}

}  // namespace

void scale_first_weights(const RunConfig& config, const ParameterList& parameters) {
  const NoGrad no_grad;
  using C = RunConfig;
  for (auto& [rows, gain] : scaled_rows(config, {&C::q_gain, &C::k_gain, &C::v_gain}, {"weight"}, parameters))
    rows *= gain;
}

PartRates::PartRates(const RunConfig& config, const ParameterList& parameters) {
  const NoGrad no_grad;
  using C = RunConfig;
  for (const auto& [rows, rate] :
       scaled_rows(config, {&C::q_rate, &C::k_rate, &C::v_rate}, {"weight", "bias"}, parameters))
    parts_.push_back({rows, {}, rate});
}

void PartRates::before_update() {
  for (Part& part : parts_) part.before = lockstep::clone(part.rows.detach());
}

// w + (1 - rate) (before - w) = before + rate (w - before)
void PartRates::after_update() const {
  const NoGrad no_grad;
  for (const Part& part : parts_) lerp_(part.rows, part.before, 1 - part.rate);
}

}  // namespace lockstep::train
