#pragma once

#include <cmath>

#include "core/ops.h"
#include "core/parameter.h"

// A (3d, d) projection in both storages, d = 8 with 2 heads, with numbers that depend on the logical part
// only.
namespace lockstep::optim {

inline constexpr std::int64_t model_d = 8;
inline constexpr Granularity by_tensor = Granularity::tensor, by_part = Granularity::part,
                             by_head = Granularity::head;

// Irregular numbers around 0, the same for the same logical rows: `row` counts over q, k, v.
inline double irregular(std::int64_t row, std::int64_t column, int step) {
  const double phase = static_cast<double>(row * model_d + column) * 1.37 + step * 0.731;
  return std::sin(phase) + 0.5 * std::sin(phase * phase);
}

inline void fill_rows(const Tensor& x, std::int64_t first_row, int step) {
  dispatch_real(x.dtype(), [&](auto t) {
    for (std::int64_t i = 0; i < x.numel(); ++i) {
      x.data<decltype(t)>()[i] =
          static_cast<decltype(t)>(irregular(first_row + i / model_d, i % model_d, step));
    }
  });
}

inline std::int64_t first_row(const Parameter& parameter) {
  const std::string& name = parameter.parts[0].name;
  return name == "attn.k.weight" ? model_d : name == "attn.v.weight" ? 2 * model_d : 0;
}

inline ParameterList with_values(ParameterList model, int seed) {
  for (Parameter& parameter : model) {
    fill_rows(parameter.tensor, first_row(parameter), 1000 + seed);
    parameter.tensor.set_requires_grad();
  }
  return model;
}

inline ParameterList combined_qkv(int seed, DType dtype = DType::f32) {
  constexpr std::int64_t d = model_d;
  return with_values(
      {{"attn.qkv.weight",
        empty({3 * d, d}, {dtype}),
        {{"attn.q.weight", 0, d, 2}, {"attn.k.weight", d, 2 * d, 2}, {"attn.v.weight", 2 * d, 3 * d, 2}}}},
      seed);
}

inline ParameterList separate_qkv(int seed, DType dtype = DType::f32) {
  constexpr std::int64_t d = model_d;
  ParameterList model;
  for (const std::string part : {"q", "k", "v"}) {
    model.push_back(
        {"attn.to_" + part + ".weight", empty({d, d}, {dtype}), {{"attn." + part + ".weight", 0, d, 2}}});
  }
  return with_values(std::move(model), seed);
}

inline void set_gradients(ParameterList& model, int step) {
  for (Parameter& parameter : model) {
    Tensor gradient = empty_like(parameter.tensor);
    fill_rows(gradient, first_row(parameter), step);
    parameter.tensor.set_grad(gradient);
  }
}

inline std::vector<double> all_values(const ParameterList& model) {
  std::vector<double> all;
  for (const Parameter& parameter : model) {
    for (double value : parameter.tensor.to_vector()) all.push_back(value);
  }
  return all;
}

// Between models of the same storage.
inline void copy_values(const ParameterList& to, const ParameterList& from) {
  for (std::size_t i = 0; i < to.size(); ++i) {
    dispatch_real(to[i].tensor.dtype(), [&](auto t) {
      using T = decltype(t);
      std::copy_n(from[i].tensor.data<T>(), from[i].tensor.numel(), to[i].tensor.data<T>());
    });
  }
}

}  // namespace lockstep::optim
