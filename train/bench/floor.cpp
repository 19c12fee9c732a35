#include "train/bench/floor.h"

#include <algorithm>

#include "core/processor.h"

namespace lockstep::train {

namespace {

class ProductList final : public Observer {
 public:
  void product(const Product& product) override { products.push_back(product); }
  std::vector<Product> products;
};

}  // namespace

std::vector<Product> products_of(const std::function<void()>& action) {
  ProductList list;
  action();
  return std::move(list.products);
}

GemmFloor::GemmFloor(std::vector<Product> products) : products_(std::move(products)) {
  std::int64_t a = 0, b = 0, c = 0;
  for (const Product& p : products_) {
    a = std::max(a, p.count * p.m * p.k);
    b = std::max(b, p.count * p.k * p.n);
    c = std::max(c, p.count * p.m * p.n);
    flops_ += p.flops();
  }
  // Small, so that sums over many replays stay finite.
  a_ = full({a}, 1e-3);
  b_ = full({b}, 1e-3);
  c_ = zeros({c});
}

void GemmFloor::run() {
  const float *const a = a_.data<float>(), *const b = b_.data<float>();
  float* const c = c_.data<float>();
  for (const Product& product : products_) multiply(product, a, b, c);
}

}  // namespace lockstep::train
