#include "core/cpu/peak.h"

#include <algorithm>
#include <chrono>

#include "core/cpu/simd/dispatch.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/cpu/peak.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#ifndef LOCKSTEP_PEAK_TABLE  // once, not for every target
#define LOCKSTEP_PEAK_TABLE
namespace lockstep::cpu {
template <typename T>
struct PeakTable {
  double (*fused_multiply_adds)(int rounds, T* out);  // returns the operations done
};
}  // namespace lockstep::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace lockstep::cpu::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// Twelve chains: enough to hide 4 or 5 cycles of latency at two instructions a cycle, and few enough for 16
// registers.
template <typename T>
double fused_multiply_adds(int rounds, T* out) {
  const hn::ScalableTag<T> d;
  const auto a = hn::Set(d, T(0.999)), b = hn::Set(d, T(0.001));
  auto x0 = hn::Iota(d, T(0)), x1 = hn::Iota(d, T(1)), x2 = hn::Iota(d, T(2)), x3 = hn::Iota(d, T(3)),
       x4 = hn::Iota(d, T(4)), x5 = hn::Iota(d, T(5)), x6 = hn::Iota(d, T(6)), x7 = hn::Iota(d, T(7)),
       x8 = hn::Iota(d, T(8)), x9 = hn::Iota(d, T(9)), x10 = hn::Iota(d, T(10)), x11 = hn::Iota(d, T(11));
  for (int i = 0; i < rounds; ++i) {
    x0 = hn::MulAdd(x0, a, b), x1 = hn::MulAdd(x1, a, b), x2 = hn::MulAdd(x2, a, b),
    x3 = hn::MulAdd(x3, a, b);
    x4 = hn::MulAdd(x4, a, b), x5 = hn::MulAdd(x5, a, b), x6 = hn::MulAdd(x6, a, b),
    x7 = hn::MulAdd(x7, a, b);
    x8 = hn::MulAdd(x8, a, b), x9 = hn::MulAdd(x9, a, b), x10 = hn::MulAdd(x10, a, b),
    x11 = hn::MulAdd(x11, a, b);
  }
  const auto sum = hn::Add(
      hn::Add(hn::Add(x0, x1), hn::Add(x2, x3)),
      hn::Add(hn::Add(hn::Add(x4, x5), hn::Add(x6, x7)), hn::Add(hn::Add(x8, x9), hn::Add(x10, x11))));
  *out = hn::GetLane(sum);
  return 12.0 * 2.0 * static_cast<double>(hn::Lanes(d)) * rounds;
}

Tables<PeakTable> peak_tables() { return {{fused_multiply_adds<float>}, {fused_multiply_adds<double>}}; }

const char* target_name() { return hwy::TargetName(HWY_TARGET); }

}  // namespace
}  // namespace lockstep::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lockstep::cpu {

HWY_EXPORT(peak_tables);
HWY_EXPORT(target_name);

template <typename T>
double peak_flops() {
  using Clock = std::chrono::steady_clock;
  const PeakTable<T> table = HWY_DYNAMIC_DISPATCH(peak_tables)().template get<T>();
  double best = 0;
  volatile T sink = 0;
  const auto end = Clock::now() + std::chrono::milliseconds(5);
  do {  // short slices, the best of which nobody interrupted
    T result;
    const auto start = Clock::now();
    const double operations = table.fused_multiply_adds(20000, &result);
    best = std::max(best, operations / std::chrono::duration<double>(Clock::now() - start).count());
    sink = result;
  } while (Clock::now() < end);
  static_cast<void>(sink);
  return best;
}

template double peak_flops<float>();
template double peak_flops<double>();

const char* vector_target() { return HWY_DYNAMIC_DISPATCH(target_name)(); }

}  // namespace lockstep::cpu
#endif
