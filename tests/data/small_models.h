#pragma once

#include <numeric>
#include <string>
#include <vector>

#include "core/parameter.h"

// Models of a few numbers, for tests of weights.
namespace lockstep {

using Strings = std::vector<std::string>;

// Values from `first` on, so that every row of every tensor is another.
inline Tensor numbered(const Dims& shape, double first, DType dtype = DType::f32) {
  std::vector<double> values(static_cast<std::size_t>(shape.numel()));
  std::iota(values.begin(), values.end(), first);
  if (dtype == DType::f64) return from_values(shape, values);
  return from_values(shape, std::vector<float>(values.begin(), values.end()));
}

inline Parameter whole(const std::string& name, Tensor tensor) {
  return {name, tensor, {{name, 0, tensor.rank() == 0 ? 1 : tensor.size(0)}}};
}

// A self-attention of width 4 with 2 heads in either storage; the weights of q start at `first`.
inline ParameterList combined_model(double first, DType dtype = DType::f32) {
  return {whole("attn.out_proj.weight", numbered({4, 4}, first + 100, dtype)),
          {"attn.qkv.weight",
           numbered({12, 4}, first, dtype),
           {{"attn.q.weight", 0, 4, 2}, {"attn.k.weight", 4, 8, 2}, {"attn.v.weight", 8, 12, 2}}}};
}

inline ParameterList separate_model(double first, DType dtype = DType::f32) {
  return {whole("attn.out_proj.weight", numbered({4, 4}, first + 100, dtype)),
          {"attn.to_q.weight", numbered({4, 4}, first, dtype), {{"attn.q.weight", 0, 4, 2}}},
          {"attn.to_k.weight", numbered({4, 4}, first + 16, dtype), {{"attn.k.weight", 0, 4, 2}}},
          {"attn.to_v.weight", numbered({4, 4}, first + 32, dtype), {{"attn.v.weight", 0, 4, 2}}}};
}

inline std::vector<double> all_values(const ParameterList& parameters) {
  std::vector<double> values;
  for (const Parameter& parameter : parameters) {
    for (double value : parameter.tensor.to_vector()) values.push_back(value);
  }
  return values;
}

template <typename List>
Strings names_of(const List& tensors) {
  Strings names;
  for (const auto& tensor : tensors) names.push_back(tensor.name);
  return names;
}

// Tensors of these names: norms and biases of this shape, others (2, 2).
inline ParameterList filled(const Strings& names, double first, const Dims& shape = {2}) {
  ParameterList list;
  for (const std::string& name : names) {
    const Dims own =
        name.ends_with("bias") || name.find("norm") != std::string::npos ? Dims{shape[0]} : Dims{2, 2};
    list.push_back(whole(name, numbered(own, first + 10.0 * static_cast<double>(list.size()))));
  }
  return list;
}

}  // namespace lockstep
