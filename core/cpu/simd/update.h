#pragma once

#include <array>
#include <cstdint>

#include "core/rules.h"

namespace lockstep::cpu {

// One parameter: n elements each, contiguous. g null: ones. g is multiplied with `scale`.
template <typename T>
struct UpdateRange {
  T* p;
  const T* g;
  std::array<T*, 3> slots;
  T scale;
  std::int64_t n;
};

// Applies the rule to every element, f32 and f64.
template <typename T>
void update(const UpdateRule& rule, const UpdateRange<T>& range);

}  // namespace lockstep::cpu
