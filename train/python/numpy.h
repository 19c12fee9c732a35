#pragma once

#include <pybind11/numpy.h>

#include <string>
#include <utility>
#include <vector>

#include "core/from_blob.h"

// Tensors and NumPy's arrays, which share their memory both ways.
namespace lockstep {

inline constexpr std::pair<DType, const char*> numpy_types[] = {
    {DType::f32, "float32"}, {DType::f64, "float64"}, {DType::i64, "int64"}, {DType::u8, "uint8"}};

inline DType dtype_named(const std::string& name) {
  for (const auto& [dtype, numpy_name] : numpy_types)
    if (name == name_of(dtype) || name == numpy_name) return dtype;
  fail("dtype {}: expected f32, f64, i64 or u8", name);
}

inline pybind11::tuple shape_of(const Tensor& x) {
  return pybind11::tuple(pybind11::cast(std::vector(x.shape().begin(), x.shape().end())));
}

// On the array's memory where that is in C order and may be written; else on a copy.
inline Tensor from_numpy(pybind11::array array, bool requires_grad) {
  if (array.dtype().kind() == 'b') array = array.attr("astype")("uint8");
  array = pybind11::array::ensure(array, pybind11::array::c_style);
  if (!array.writeable()) array = array.attr("copy")();
  const DType dtype = dtype_named(pybind11::str(array.dtype()));
  auto* const owner = new pybind11::object(array);  // goes with the tensor's memory, wherever that happens
  const auto release = [owner] {
    const pybind11::gil_scoped_acquire gil;
    delete owner;
  };
  Tensor x =
      from_blob(array.mutable_data(), Dims(array.shape(), array.shape() + array.ndim()), dtype, release);
  return requires_grad ? x.set_requires_grad() : x;
}

// The tensor's own memory, without history.
inline pybind11::array to_numpy(const Tensor& given) {
  const Tensor x = moved(given.detach(), Device::cpu);
  const auto* const type = std::ranges::find(numpy_types, x.dtype(), &std::pair<DType, const char*>::first);
  std::vector<pybind11::ssize_t> strides;
  for (const std::int64_t stride : x.strides()) strides.push_back(stride * std::int64_t(size_of(x.dtype())));
  const pybind11::capsule keep(new Tensor(x), [](void* tensor) { delete static_cast<Tensor*>(tensor); });
  return {pybind11::dtype(type->second), {x.shape().begin(), x.shape().end()}, strides, x.raw_data(), keep};
}

}  // namespace lockstep
