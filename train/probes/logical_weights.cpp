#include "train/probes/logical_weights.h"

#include <fmt/format.h>

#include <cmath>

namespace lockstep::train {

LogicalParts logical_parts(const ParameterList& parameters) {
  LogicalParts parts;
  for (const Parameter& parameter : parameters) {
    if (!parameter.trainable) continue;
    for (const RowRange& range : row_ranges(parameter, Granularity::part))
      parts[range.name] = rows(parameter.tensor, range).to_vector();
  }
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
  ProjectionWeights all;
  for (const Parameter& parameter : parameters) {
    for (const RowRange& range : row_ranges(parameter, Granularity::part)) {
      for (std::size_t part = 0; part < projections; ++part) {
        if (!range.name.ends_with(fmt::format(".{}.weight", projection_names[part]))) continue;
        const std::vector<double> values = rows(parameter.tensor, range).to_vector();
        all[part].insert(all[part].end(), values.begin(), values.end());
      }
    }
  }
  return all;
}

double root_mean_square(std::span<const double> values) {
  double squares = 0;
  for (const double value : values) squares += value * value;
  return std::sqrt(squares / static_cast<double>(values.size()));
}

}  // namespace lockstep::train
