#include "train/probes/logical_weights.h"

#include <fmt/format.h>

#include <cmath>

namespace lockstep::train {

LogicalParts logical_parts(const ParameterList& parameters) {
  std::vector<std::string> names;
  std::vector<Tensor> tensors;
  for (const Parameter& parameter : parameters) {
    if (!parameter.trainable) continue;
    for (const RowRange& range : row_ranges(parameter, Granularity::part)) {
      names.push_back(range.name);
      tensors.push_back(rows(parameter.tensor, range));
    }
  }
  std::vector<std::vector<double>> values = to_vectors(tensors);
  LogicalParts parts;
  for (std::size_t i = 0; i < names.size(); ++i) parts[names[i]] = std::move(values[i]);
  return parts;
}

bool is_key_bias(const std::string& name) { return name.ends_with(".k.bias"); }

LogicalWeights logical_weights(const ParameterList& parameters) {
  LogicalWeights all;
  for (const auto& [name, values] : logical_parts(parameters)) {
    std::vector<double>& kind = is_key_bias(name) ? all.key_biases : all.values;
    kind.insert(kind.end(), values.begin(), values.end());
  }
  return all;
}

ProjectionWeights projection_weights(const ParameterList& parameters) {
  std::vector<std::size_t> parts;  // which of the projections
  std::vector<Tensor> tensors;
  for (const Parameter& parameter : parameters) {
    for (const RowRange& range : row_ranges(parameter, Granularity::part)) {
      for (std::size_t part = 0; part < projections; ++part) {
        if (!range.name.ends_with(fmt::format(".{}.weight", projection_names[part]))) continue;
        parts.push_back(part);
        tensors.push_back(rows(parameter.tensor, range));
      }
    }
  }
  const std::vector<std::vector<double>> values = to_vectors(tensors);
  ProjectionWeights all;
  for (std::size_t i = 0; i < parts.size(); ++i)
    all[parts[i]].insert(all[parts[i]].end(), values[i].begin(), values[i].end());
  return all;
}

double root_mean_square(std::span<const double> values) {
  double squares = 0;
  for (const double value : values) squares += value * value;
  return std::sqrt(squares / static_cast<double>(values.size()));
}

}  // namespace lockstep::train
