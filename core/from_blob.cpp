#include "core/from_blob.h"

#include <cstdint>

namespace lockstep {

namespace {

struct Borrowed {
  Storage storage{0, Device::cpu};
  std::function<void()> done;
  ~Borrowed() {
    if (done) done();
  }
};

}  // namespace

Tensor from_blob(void* data, const Dims& shape, DType dtype, std::function<void()> done) {
  shape.check_sizes("from_blob");
  const auto numel = static_cast<std::size_t>(shape.numel());
  check(data != nullptr || numel == 0,
        "[from_blob] null can't hold {} {}: expected the address of the values", name_of(dtype),
        to_string(shape));
  check(reinterpret_cast<std::uintptr_t>(data) % size_of(dtype) == 0,
        "[from_blob] {} is no address of {}: expected a multiple of {} bytes", data, name_of(dtype),
        size_of(dtype));
  const auto borrowed = std::make_shared<Borrowed>();
  if (numel > 0) borrowed->storage.buffer = Buffer(data, numel * size_of(dtype));
  auto impl = std::make_shared<Tensor::Impl>();
  impl->storage = std::shared_ptr<Storage>(borrowed, &borrowed->storage);
  impl->shape = shape;
  impl->strides = contiguous_strides(shape);
  impl->dtype = dtype;
  borrowed->done = std::move(done);  // from here on nothing throws
  return Tensor(std::move(impl));
}

}  // namespace lockstep
