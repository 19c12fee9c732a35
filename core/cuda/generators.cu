// Tensors that are not computed from others: counts, masks, random choices.
#include <cmath>

#include "core/cuda/cuda_kernels.h"
#include "core/cuda/launch.h"
#include "core/random/keyed_math.h"
#include "core/random/keyed_stream.h"

namespace lockstep::cuda {

namespace {

template <typename T>
__global__ void __launch_bounds__(block_threads) arange_kernel(T* y, std::int64_t n) {
  for (std::int64_t i = first_element(); i < n; i += all_threads()) y[i] = static_cast<T>(i);
}

__global__ void __launch_bounds__(block_threads)
    tril_kernel(std::uint8_t* mask, std::int64_t n, std::int64_t columns, std::int64_t diagonal) {
  for (std::int64_t i = first_element(); i < n; i += all_threads())
    mask[i] = i % columns - i / columns <= diagonal ? 1 : 0;
}

struct StreamOf {
  std::uint64_t seed, key;
};

// Word i of the stream is one of the four of its block number i / 4.
template <typename T>
__global__ void __launch_bounds__(block_threads)
    bernoulli_kernel(T* y, std::int64_t n, Varying<StreamOf> stream, std::uint64_t threshold, T value) {
  const auto [seed, key] = stream.get();
  for (std::int64_t i = first_element(); i < n; i += all_threads()) {
    const PhiloxBlock words = keyed::block(seed, key, static_cast<std::uint64_t>(i) / 4);
    const int which = static_cast<int>(i % 4);
    const std::uint32_t word = which == 0   ? words[0]
                               : which == 1 ? words[1]
                               : which == 2 ? words[2]
                                            : words[3];
    y[i] = word < threshold ? value : T(0);
  }
}

}  // namespace

void CudaKernels::arange(const Tensor& y) const {
  dispatch(y.dtype(), [&](auto t) {
    using T = decltype(t);
    launch(arange_kernel<T>, blocks_for(y.numel()), block_threads, 0, on_device<T>(y), y.numel());
  });
}

void CudaKernels::tril(const Tensor& mask, std::int64_t diagonal) const {
  launch(tril_kernel, blocks_for(mask.numel()), block_threads, 0, on_device<std::uint8_t>(mask), mask.numel(),
         mask.size(1), diagonal);
}

void CudaKernels::bernoulli(const Tensor& y, const KeyedStream& stream, double probability,
                            double value) const {
  const auto threshold = static_cast<std::uint64_t>(std::nearbyint(probability * 0x1p32));
  dispatch_real(y.dtype(), [&](auto t) {
    using T = decltype(t);
    launch(bernoulli_kernel<T>, blocks_for(y.numel()), block_threads, 0, on_device<T>(y), y.numel(),
           varying(StreamOf{stream.seed(), stream.key()}), threshold, static_cast<T>(value));
  });
}

}  // namespace lockstep::cuda
