// The optimizers' kernels: the rules of core/rules.h, for all parameters in a few launches.
#include <cmath>

#include "core/cuda/cuda_kernels.h"
#include "core/cuda/launch.h"
#include "core/rules.h"

namespace lockstep::cuda {

namespace {

constexpr int tensors_per_launch = 48;  // what fits 4 KiB of arguments
constexpr unsigned most_blocks = 4096;

template <typename T>
struct UpdateItem {
  T* p;
  const T* g;  // null: ones
  T* slots[3];
  const double* scale;  // null: 1
  std::int64_t n;
};
template <typename T>
struct UpdateItems {
  UpdateItem<T> items[tensors_per_launch];
};

// A number that must be finite for anything to happen; both null: none.
struct Condition {
  const float* single;
  const double* wide;
  __device__ bool holds() const {
    return (single == nullptr || std::isfinite(*single)) && (wide == nullptr || std::isfinite(*wide));
  }
};

// Blocks along x share the elements of a tensor, those along y are the tensors.
template <typename T, typename Rule>
__global__ void __launch_bounds__(block_threads, 2)
    update_kernel(Varying<Rule> varying_rule, UpdateItems<T> all, Condition condition) {
  if (!condition.holds()) return;
  const Rule rule = varying_rule.get();
  const UpdateItem<T>& item = all.items[blockIdx.y];
  const T scale = item.scale == nullptr ? T(1) : static_cast<T>(*item.scale);
  for (std::int64_t i = first_element(); i < item.n; i += all_threads()) {
    const T g = item.g == nullptr ? scale : scale * item.g[i];
    T p = 0;
    if constexpr (!requires { Rule::makes_p; }) p = item.p[i];
    if constexpr (Rule::slots == 0) {
      rule(p, g);
    } else if constexpr (Rule::slots == 1) {
      rule(p, g, item.slots[0][i]);
    } else if constexpr (Rule::slots == 2) {
      rule(p, g, item.slots[0][i], item.slots[1][i]);
    } else {
      rule(p, g, item.slots[0][i], item.slots[1][i], item.slots[2][i]);
    }
    item.p[i] = p;
  }
}

template <typename T>
void update_all(const UpdateRule& rule, std::span<const UpdateTensors> tensors, const Condition& condition) {
  UpdateItems<T> all{};
  unsigned count = 0;
  std::int64_t largest = 0;
  const auto run = [&] {
    std::visit(
        [&](const auto& exact) {
          const auto rounded = rules::rounded<T>(exact);
          // Many blocks for each tensor would mostly be blocks without an element.
          const unsigned blocks = std::min(blocks_for(largest), most_blocks / count);
          launch(update_kernel<T, std::remove_const_t<decltype(rounded)>>, dim3(blocks, count), block_threads,
                 0, varying(rounded), all, condition);
        },
        rule);
    count = 0, largest = 0;
  };
  for (const UpdateTensors& t : tensors) {
    if (t.p.dtype() != dtype_of<T>()) continue;
    all.items[count++] = {on_device<T>(t.p),
                          on_device<T>(t.g),
                          {on_device<T>(t.slots[0]), on_device<T>(t.slots[1]), on_device<T>(t.slots[2])},
                          on_device<double>(t.scale),
                          t.p.numel()};
    largest = std::max(largest, t.p.numel());
    if (count == tensors_per_launch) run();
  }
  if (count > 0) run();
}

// Sums of squares in two steps: every tensor's by 32 blocks, then those of the blocks, always in the same
// order.
constexpr unsigned parts = 32;

template <typename T>
__global__ void __launch_bounds__(block_threads) squares_kernel(double* sums, const T* x, std::int64_t n) {
  __shared__ double of_warp[block_threads / 32];
  double sum = 0;
  for (std::int64_t i = first_element(); i < n; i += all_threads())
    sum += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  sum = sum_of_lanes(sum);
  if (threadIdx.x % 32 == 0) of_warp[threadIdx.x / 32] = sum;
  __syncthreads();
  if (threadIdx.x != 0) return;
  for (unsigned warp = 1; warp < block_threads / 32; ++warp) sum += of_warp[warp];
  sums[blockIdx.x] = sum;
}

// y[i] = the sum of x[i, :], x (results, count)
__global__ void __launch_bounds__(block_threads)
    sum_parts_kernel(double* y, const double* x, std::int64_t results, std::int64_t count) {
  for (std::int64_t i = first_element(); i < results; i += all_threads()) {
    double sum = 0;
    for (std::int64_t k = 0; k < count; ++k) sum += x[i * count + k];
    y[i] = sum;
  }
}

}  // namespace

void CudaKernels::update(const UpdateRule& rule, std::span<const UpdateTensors> tensors,
                         const Tensor& only_if_finite) const {
  const bool single = only_if_finite.defined() && only_if_finite.dtype() == DType::f32;
  const Condition condition{single ? on_device<float>(only_if_finite) : nullptr,
                            single ? nullptr : on_device<double>(only_if_finite)};
  update_all<float>(rule, tensors, condition);
  update_all<double>(rule, tensors, condition);
}

void CudaKernels::sums_of_squares(const Tensor& y, std::span<const Tensor> x) const {
  const auto count = static_cast<std::int64_t>(x.size());
  const Buffer sums(x.size() * parts * sizeof(double), Device::cuda);
  double* const first = static_cast<double*>(sums.data());
  for (std::size_t i = 0; i < x.size(); ++i) {
    dispatch_real(x[i].dtype(), [&](auto t) {
      using T = decltype(t);
      launch(squares_kernel<T>, parts, block_threads, 0, first + i * parts, on_device<T>(x[i]), x[i].numel());
    });
  }
  const std::int64_t results = y.numel();
  launch(sum_parts_kernel, blocks_for(results), block_threads, 0, on_device<double>(y), first, results,
         results == 1 ? count * parts : std::int64_t{parts});
}

}  // namespace lockstep::cuda
