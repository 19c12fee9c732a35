#include "data/weights/stored_tensor.h"

#include "core/ops/views.h"
#include "data/files/stored_type.h"

namespace lockstep::data {

Tensor StoredTensor::read(DType dtype) const {
  Tensor x = empty(Dims(shape), {dtype});
  check(fits(type, dtype), "[weights] {}: holds {}, which doesn't fit into {} without loss", name, type,
        name_of(dtype));
  const std::vector<std::byte> values = bytes();
  dispatch(dtype, [&]<typename T>(T) {
    decode(type, values, std::span(x.data<T>(), static_cast<std::size_t>(x.numel())));
  });
  return x;
}

StoredTensor stored(const Parameter& parameter) {
  const Tensor x = moved(contiguous(parameter.tensor.detach()), Device::cpu);
  StoredTensor tensor{.name = parameter.name,
                      .shape = {x.shape().begin(), x.shape().end()},
                      .type = std::string(name_of(x.dtype())),
                      .parts = parameter.parts,
                      .parts_said = !parameter.parts.empty()};
  tensor.bytes = [x] {
    const auto* first = static_cast<const std::byte*>(x.raw_data());
    return std::vector<std::byte>(first, first + static_cast<std::size_t>(x.numel()) * size_of(x.dtype()));
  };
  return tensor;
}

}  // namespace lockstep::data
