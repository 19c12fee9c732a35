#pragma once

#include <array>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "core/parameter.h"

namespace lockstep::train {

// A model's trained weights by their logical names, the same whatever the storage.
using LogicalParts = std::map<std::string, std::vector<double>>;
LogicalParts logical_parts(const ParameterList& parameters);

// The key bias cancels in the softmax, so its gradient is rounding noise, which Adam blows up to full steps.
bool is_key_bias(const std::string& name);

// The same as numbers alone, in the order of the names. The key biases stand apart.
struct LogicalWeights {
  std::vector<double> values, key_biases;
};
LogicalWeights logical_weights(const ParameterList& parameters);

// The weight matrices of q, of k and of v, each over all layers, whatever the storage.
inline constexpr std::size_t projections = 3;
inline constexpr const char* projection_names[projections] = {"q", "k", "v"};
using ProjectionWeights = std::array<std::vector<double>, projections>;
ProjectionWeights projection_weights(const ParameterList& parameters);

double root_mean_square(std::span<const double> values);

}  // namespace lockstep::train
