#pragma once

#include <functional>
#include <vector>

#include "core/runtime/observer.h"
#include "core/tensor.h"

namespace lockstep::train {

// The matrix products of whatever `action` computes on this thread.
std::vector<Product> products_of(const std::function<void()>& action);

// The GEMM floor: those products and nothing else, in f32 with BLAS, back to back on buffers that stay warm.
// A step that takes 1.2 times as long spends a sixth of its time on all that is no matrix product.
class GemmFloor {
 public:
  explicit GemmFloor(std::vector<Product> products);

  // Computes them once, on this thread's Threads.
  void run();
  double flops() const { return flops_; }

 private:
  std::vector<Product> products_;
  Tensor a_, b_, c_;
  double flops_ = 0;
};

}  // namespace lockstep::train
