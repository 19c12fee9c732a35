#pragma once

#include <utility>

namespace lockstep {

// While one lives, products of f32 matrices that this thread asks a GPU for may round their factors to TF32,
// to 10 bits behind the leading one in the place of 23, or to more; sums stay f32. A tensor core multiplies
// such numbers several times as fast (cuBLAS: CUBLAS_COMPUTE_32F_FAST_TF32; PyTorch: allow_tf32). Nothing
// else is rounded so: attention's own kernels, f64, and the CPU's products are as they are without.
//
//   { const AllowTf32 tf32; loss = ...; backward(loss); }
class AllowTf32 {
 public:
  [[nodiscard]] explicit AllowTf32(bool allowed = true) : before_(std::exchange(allowed_, allowed)) {}
  ~AllowTf32() { allowed_ = before_; }
  AllowTf32(const AllowTf32&) = delete;
  AllowTf32& operator=(const AllowTf32&) = delete;

  // On this thread, now.
  static bool is_allowed() { return allowed_; }

 private:
  bool before_;
  static inline constinit thread_local bool allowed_ = false;
};

}  // namespace lockstep
