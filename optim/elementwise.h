#pragma once

#include "core/tensor.h"

namespace lockstep::optim {

// Calls rule(p[i], g[i], states[i]...) for every element; p and the states by reference. All contiguous.
template <typename T, typename Rule, typename... States>
void for_each_element(Rule rule, const Tensor& p, const Tensor& g, const States&... states) {
  const std::int64_t n = p.numel();
  [n, rule](T* px, const T* gx, auto*... sx) {
    for (std::int64_t i = 0; i < n; ++i) rule(px[i], gx[i], sx[i]...);
  }(p.data<T>(), g.data<T>(), states.template data<T>()...);
}

}  // namespace lockstep::optim
