// The optimizers' rules, in one pass over each parameter: core/rules.h compiled for every target, vectors
// made by the compiler. Bound by memory bandwidth (Adam moves 7 elements a parameter); in L2 Adam is bound by
// its square root and division.
#include "core/cpu/simd/update.h"

#include <utility>

#include "core/cpu/simd/dispatch.h"
#include "core/runtime/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/cpu/simd/update.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#ifndef LOCKSTEP_UPDATE_TABLE  // once, not for every target
#define LOCKSTEP_UPDATE_TABLE
namespace lockstep::cpu {
template <typename T>
struct UpdateTable {
  void (*update)(const UpdateRule& rule, const UpdateRange<T>& range);
};
}  // namespace lockstep::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace lockstep::cpu::HWY_NAMESPACE {
namespace {

template <typename T, typename Rule, typename... Slots>
HWY_FLATTEN void loop(Rule rule, T scale, std::int64_t n, T* HWY_RESTRICT p, const T* HWY_RESTRICT g,
                      Slots* HWY_RESTRICT... slots) {
  if (g == nullptr) {
    for (std::int64_t i = 0; i < n; ++i) rule(p[i], scale, slots[i]...);
  } else {
    for (std::int64_t i = 0; i < n; ++i) rule(p[i], scale * g[i], slots[i]...);
  }
}

template <typename T>
void update(const UpdateRule& rule, const UpdateRange<T>& r) {
  std::visit(
      [&](const auto& exact) HWY_ATTR {
        const auto rounded = rules::rounded<T>(exact);
        [&]<std::size_t... slot>(std::index_sequence<slot...>) HWY_ATTR {
          loop<T>(rounded, r.scale, r.n, r.p, r.g, r.slots[slot]...);
        }
        (std::make_index_sequence<decltype(rounded)::slots>());
      },
      rule);
}

const Tables<UpdateTable>& update_tables() {
  static constexpr Tables<UpdateTable> tables = {{update<float>}, {update<double>}};
  return tables;
}

}  // namespace
}  // namespace lockstep::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lockstep::cpu {

HWY_EXPORT(update_tables);

template <typename T>
void update(const UpdateRule& rule, const UpdateRange<T>& range) {
  constexpr std::int64_t grain = 16384;  // elements, some 5 microseconds
  const auto kernel = HWY_DYNAMIC_DISPATCH(update_tables)().get<T>().update;
  parallel_for(range.n, grain, [&](std::int64_t begin, std::int64_t end) {
    const auto from = [begin](auto* first) { return first == nullptr ? nullptr : first + begin; };
    kernel(rule, {from(range.p),
                  from(range.g),
                  {from(range.slots[0]), from(range.slots[1]), from(range.slots[2])},
                  range.scale,
                  end - begin});
  });
}
template void update(const UpdateRule&, const UpdateRange<float>&);
template void update(const UpdateRule&, const UpdateRange<double>&);

}  // namespace lockstep::cpu
#endif
