#include "core/random/random_tensors.h"

#include <span>

#include "core/random/keyed_stream.h"

namespace lockstep {

namespace {

struct ThreadStream {
  std::uint64_t seed = 0, calls = 0;

  // Every call has a substream, so that no two share numbers.
  KeyedStream next() { return KeyedStream(seed, "thread", "tensors").substream(calls++); }
};

thread_local ThreadStream stream;

template <typename Fill>
Tensor filled(const char* name, const Dims& shape, TensorOptions options, Fill fill) {
  check(is_real(options.dtype), "[{}] expected a real dtype (f32, f64), got {}", name,
        name_of(options.dtype));
  Tensor x = empty(shape, {options.dtype});
  const KeyedStream numbers = stream.next();
  dispatch_real(options.dtype, [&](auto t) {
    fill(numbers, std::span(x.data<decltype(t)>(), static_cast<std::size_t>(x.numel())));
  });
  return moved(x, options.device);
}

}  // namespace

void manual_seed(std::uint64_t seed) { stream = {seed}; }

Tensor randn(const Dims& shape, TensorOptions options) {
  return filled("randn", shape, options,
                [](const KeyedStream& numbers, auto out) { numbers.fill_normal(out, 0, 1); });
}

Tensor rand(const Dims& shape, TensorOptions options) {
  return filled("rand", shape, options,
                [](const KeyedStream& numbers, auto out) { numbers.fill_uniform(out, 0, 1); });
}

Tensor randint(std::int64_t low, std::int64_t high, const Dims& shape, Device device) {
  check(low < high, "[randint] expected low < high, got {} and {}", low, high);
  Tensor x = empty(shape, {DType::i64});
  stream.next().fill_integers({x.data<std::int64_t>(), static_cast<std::size_t>(x.numel())}, low, high);
  return moved(x, device);
}

}  // namespace lockstep
