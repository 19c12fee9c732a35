#pragma once

#include "core/runtime/parallel.h"
#include "core/tensor.h"

namespace lockstep::optim {

// from + weight (to - from), exact at both ends: a small `to` is not lost in a large `from`.
template <typename T>
T lerp(T from, T to, T weight) {
  return weight < T(0.5) ? from + weight * (to - from) : to - (to - from) * (1 - weight);
}

// Calls rule(p[i], g[i], states[i]...) for every element, on the threads of this run; p and the states by
// reference. All contiguous.
template <typename T, typename Rule, typename... States>
void for_each_element(Rule rule, const Tensor& p, const Tensor& g, const States&... states) {
  constexpr std::int64_t grain = 16384;
  const auto pass = [rule](std::int64_t n, T* px, const T* gx, auto*... sx) {
    for (std::int64_t i = 0; i < n; ++i) rule(px[i], gx[i], sx[i]...);
  };
  parallel_for(p.numel(), grain, [&](std::int64_t begin, std::int64_t end) {
    pass(end - begin, p.data<T>() + begin, g.data<T>() + begin, (states.template data<T>() + begin)...);
  });
}

}  // namespace lockstep::optim
