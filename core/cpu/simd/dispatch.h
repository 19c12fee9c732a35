#pragma once

#include <type_traits>

namespace lockstep::cpu {

// A family's kernels (a struct of function pointers) for both element types, as one target compiled them.
// Each family's file has a function `tables()` per target; HWY_DYNAMIC_DISPATCH picks the one for this
// processor.
template <template <typename> class Table>
struct Tables {
  Table<float> f32;
  Table<double> f64;

  template <typename T>
  const Table<T>& get() const {
    if constexpr (std::is_same_v<T, float>) {
      return f32;
    } else {
      return f64;
    }
  }
};

}  // namespace lockstep::cpu
