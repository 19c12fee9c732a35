// Elementwise functions. Bound by arithmetic in L1 and L2 (a vector of exp takes some 20 operations, tanh and
// erf twice that); from memory, exp is bound by bandwidth.
#include "core/cpu/simd/maps.h"

#include "core/cpu/simd/dispatch.h"
#include "core/runtime/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/cpu/simd/maps.cpp"
#include <hwy/foreach_target.h>

#include "core/cpu/simd/math-inl.h"

#ifndef LOCKSTEP_MAP_TABLE  // once, not for every target
#define LOCKSTEP_MAP_TABLE
namespace lockstep::cpu {
template <typename T>
struct MapTable {
  void (*map)(Map f, T* y, const T* x, std::int64_t n);
};
}  // namespace lockstep::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace lockstep::cpu::HWY_NAMESPACE {
namespace {

template <typename T, class F>
void loop(T* y, const T* x, std::int64_t n, const F& f) {
  for_vectors<T>(n, [&](std::int64_t i, auto part) HWY_ATTR { part.store(f(part.load(x + i)), y + i); });
}

template <typename T>
void map(Map f, T* y, const T* x, std::int64_t n) {
  switch (f) {
    case Map::exp:
      return loop(y, x, n, [](Vec<T> v) HWY_ATTR { return exp<T>(v); });
    case Map::log:
      return loop(y, x, n, [](Vec<T> v) HWY_ATTR { return log<T>(v); });
    case Map::tanh:
      return loop(y, x, n, [](Vec<T> v) HWY_ATTR { return tanh<T>(v); });
    case Map::sigmoid:
      return loop(y, x, n, [](Vec<T> v) HWY_ATTR { return sigmoid<T>(v); });
    case Map::erf:
      return loop(y, x, n, [](Vec<T> v) HWY_ATTR { return erf<T>(v); });
    case Map::silu:
      return loop(y, x, n, [](Vec<T> v) HWY_ATTR { return hn::Mul(v, sigmoid<T>(v)); });
  }
}

const Tables<MapTable>& map_tables() {
  static constexpr Tables<MapTable> tables = {{map<float>}, {map<double>}};
  return tables;
}

}  // namespace
}  // namespace lockstep::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lockstep::cpu {

HWY_EXPORT(map_tables);

template <typename T>
void map(Map f, T* y, const T* x, std::int64_t n) {
  constexpr std::int64_t grain = 8192;  // some 5 microseconds
  const auto kernel = HWY_DYNAMIC_DISPATCH(map_tables)().get<T>().map;
  parallel_for(n, grain,
               [=](std::int64_t begin, std::int64_t end) { kernel(f, y + begin, x + begin, end - begin); });
}
template void map(Map, float*, const float*, std::int64_t);
template void map(Map, double*, const double*, std::int64_t);

}  // namespace lockstep::cpu
#endif
