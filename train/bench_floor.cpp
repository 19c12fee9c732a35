#include "train/bench_floor.h"

#include <algorithm>

#include "core/cpu/blas.h"

namespace lockstep::train {

namespace {

class ProductList final : public Observer {
 public:
  void product(const Product& product) override { products.push_back(product); }
  std::vector<Product> products;
};

// Memory as the step's own tensors have it.
Buffer filled(std::size_t count, float value) {
  Buffer buffer(count * sizeof(float));
  std::fill_n(static_cast<float*>(buffer.data()), count, value);
  return buffer;
}

std::size_t size(std::int64_t count, std::int64_t rows, std::int64_t columns) {
  return static_cast<std::size_t>(count * rows * columns);
}

}  // namespace

std::vector<Product> products_of(const std::function<void()>& action) {
  ProductList list;
  action();
  return std::move(list.products);
}

GemmFloor::GemmFloor(std::vector<Product> products) : products_(std::move(products)) {
  std::size_t a = 0, b = 0, c = 0;
  for (const Product& p : products_) {
    a = std::max(a, size(p.count, p.m, p.k));
    b = std::max(b, size(p.count, p.k, p.n));
    c = std::max(c, size(p.count, p.m, p.n));
    flops_ += p.flops();
  }
  // Small, so that sums over many replays stay finite.
  a_ = filled(a, 1e-3f);
  b_ = filled(b, 1e-3f);
  c_ = filled(c, 0.0f);
}

void GemmFloor::run() {
  auto *const a = static_cast<float*>(a_.data()), *const b = static_cast<float*>(b_.data()),
              *const c = static_cast<float*>(c_.data());
  for (const Product& p : products_) {
    cpu::gemm_batched_strided<float>(
        p.count, p.trans_a, p.trans_b, p.m, p.n, p.k, 1.0f, {a, p.trans_a ? p.m : p.k, p.m * p.k},
        {b, p.trans_b ? p.k : p.n, p.k * p.n}, p.accumulate ? 1.0f : 0.0f, {c, p.n, p.m * p.n});
  }
}

}  // namespace lockstep::train
