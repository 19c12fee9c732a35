#pragma once

#include <cstdint>

// One optimizer step of a contiguous range of parameters in a single pass, f32 and f64. Hyper-parameters are
// computed in f64 and rounded to the element type once. The gradient is multiplied by gradient_scale as it is
// read, which makes clipping by the global norm free.
namespace lockstep::cpu {

struct AdamStep {
  double lr = 1e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weight_decay = 0;
  bool decoupled = true;   // decay the parameter itself (AdamW), not through the gradient
  double correction1 = 1;  // 1 - beta1^t
  double correction2 = 1;  // 1 - beta2^t
  double gradient_scale = 1;
};

// m += (1 - beta1) (g - m);  v = beta2 v + (1 - beta2) g^2;
// p -= lr / correction1 m / (sqrt(v / correction2) + eps), after p *= 1 - lr weight_decay if decoupled.
template <typename T>
void adam(T* p, T* m, T* v, const T* g, std::int64_t n, const AdamStep& step);

struct SgdStep {
  double lr = 1e-3, momentum = 0, dampening = 0, weight_decay = 0;
  bool nesterov = false;
  bool first = false;  // the first step, which sets the momentum buffer to the gradient
  double gradient_scale = 1;
};

// b = momentum b + (1 - dampening) g;  p -= lr b, or lr (g + momentum b) with nesterov. b may be null without
// momentum.
template <typename T>
void sgd(T* p, T* b, const T* g, std::int64_t n, const SgdStep& step);

}  // namespace lockstep::cpu
