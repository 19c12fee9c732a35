// The optimizers' kernels: the rules of core/rules.h, for all parameters in a few launches.
#include <cmath>

#include "core/cuda/cuda_kernels.h"
#include "core/cuda/launch.h"
#include "core/cuda/memory.h"
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

// Sums of squares: every tensor's by a few blocks, along x, then by the last of all blocks those of the
// blocks, always in the same order.
constexpr int squared_per_launch = 128;

template <typename T>
struct SquaredItems {
  struct Item {
    const T* x;
    std::int64_t n, number;  // among all tensors
  };
  Item items[squared_per_launch];
};
struct PartSums {
  double* of_parts;  // (tensors, blocks along x)
  double* y;         // (results)
  std::int64_t results, parts_of_result;
  unsigned* counter;
  unsigned blocks;  // of all launches
  auto fields() const { return std::tie(of_parts, y, results, parts_of_result, counter, blocks); }
};

template <typename T>
__global__ void __launch_bounds__(block_threads) squares_kernel(SquaredItems<T> all, PartSums sums) {
  __shared__ double of_warp[block_threads / 32];
  const auto& item = all.items[blockIdx.y];
  double sum = 0;
  for (std::int64_t i = first_element(); i < item.n; i += all_threads())
    sum += static_cast<double>(item.x[i]) * static_cast<double>(item.x[i]);
  sum = sum_of_lanes(sum);
  const unsigned warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  if (lane == 0) of_warp[warp] = sum;
  __syncthreads();
  if (threadIdx.x == 0) {
    for (unsigned other = 1; other < block_threads / 32; ++other) sum += of_warp[other];
    sums.of_parts[item.number * gridDim.x + blockIdx.x] = sum;
  }
  if (!comes_last(sums.counter, sums.blocks)) return;
  for (std::int64_t result = warp; result < sums.results; result += block_threads / 32) {
    const double* const of_result = sums.of_parts + result * sums.parts_of_result;
    double total = 0;
    for (std::int64_t i = lane; i < sums.parts_of_result; i += 32) total += of_result[i];
    total = sum_of_lanes(total);
    if (lane == 0) sums.y[result] = total;
  }
}

template <typename T>
void squares(std::span<const Tensor> x, unsigned parts, const PartSums& sums) {
  SquaredItems<T> all{};
  unsigned count = 0;
  const auto run = [&] {
    launch(squares_kernel<T>, dim3(parts, count), block_threads, 0, all, sums);
    count = 0;
  };
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (x[i].dtype() != dtype_of<T>()) continue;
    all.items[count++] = {on_device<T>(x[i]), x[i].numel(), static_cast<std::int64_t>(i)};
    if (count == squared_per_launch) run();
  }
  if (count > 0) run();
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
  if (x.empty()) return fill(y, 0);
  std::int64_t largest = 1;
  for (const Tensor& one : x) largest = std::max(largest, one.numel());
  const unsigned parts = std::min(32u, blocks_of(largest, 4 * block_threads));
  const std::size_t all_parts = x.size() * parts;
  const Buffer of_parts(all_parts * sizeof(double), Device::cuda);
  const PartSums sums{static_cast<double*>(of_parts.data()),
                      on_device<double>(y),
                      y.numel(),
                      static_cast<std::int64_t>(all_parts) / y.numel(),
                      counters(1),
                      static_cast<unsigned>(all_parts)};
  squares<float>(x, parts, sums);
  squares<double>(x, parts, sums);
}

}  // namespace lockstep::cuda
