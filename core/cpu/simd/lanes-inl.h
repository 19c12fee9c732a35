// Vectors of the target that is being compiled, and loops over rows of any length. Included once per target.
#if defined(LOCKSTEP_CORE_CPU_SIMD_LANES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LOCKSTEP_CORE_CPU_SIMD_LANES_INL_H_
#undef LOCKSTEP_CORE_CPU_SIMD_LANES_INL_H_
#else
#define LOCKSTEP_CORE_CPU_SIMD_LANES_INL_H_
#endif

#include <hwy/highway.h>

#include <cstdint>
#include <cstring>

HWY_BEFORE_NAMESPACE();
namespace lockstep::cpu::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

template <typename T>
using Tag = hn::ScalableTag<T>;
template <typename T>
using Vec = hn::Vec<Tag<T>>;
template <typename T>
inline constexpr std::int64_t lanes = HWY_LANES(T);

template <typename T>
HWY_INLINE Vec<T> set(T x) {
  return hn::Set(Tag<T>(), x);
}

// How a loop body reads and writes: a whole vector, or the first lanes of one at the end of a row (the others
// are zero when read and left alone when written).
template <typename T>
struct Whole {
  HWY_INLINE Vec<T> load(const T* from) const { return hn::LoadU(Tag<T>(), from); }
  HWY_INLINE void store(Vec<T> x, T* to) const { hn::StoreU(x, Tag<T>(), to); }
  HWY_INLINE Vec<T> mask(Vec<T> x) const { return x; }
};

template <typename T>
struct Part {
  std::size_t count;

  HWY_INLINE Vec<T> load(const T* from) const {
    const Tag<T> d;
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX2
    return hn::MaskedLoad(hn::FirstN(d, count), d, from);
#else
    HWY_ALIGN T buffer[lanes<T>] = {};
    std::memcpy(buffer, from, count * sizeof(T));
    return hn::Load(d, buffer);
#endif
  }
  HWY_INLINE void store(Vec<T> x, T* to) const {
    const Tag<T> d;
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX2
    hn::BlendedStore(x, hn::FirstN(d, count), d, to);
#else
    HWY_ALIGN T buffer[lanes<T>];
    hn::Store(x, d, buffer);
    std::memcpy(to, buffer, count * sizeof(T));
#endif
  }
  // x in the lanes that count, 0 in the others.
  HWY_INLINE Vec<T> mask(Vec<T> x) const { return hn::IfThenElseZero(hn::FirstN(Tag<T>(), count), x); }
};

// Calls body(i, Whole or Part) for i = 0, N, 2N, ... below n.
template <typename T, class Body>
HWY_INLINE void for_vectors(std::int64_t n, const Body& body) {
  std::int64_t i = 0;
  for (; i + lanes<T> <= n; i += lanes<T>) body(i, Whole<T>());
  if (i < n) body(i, Part<T>{static_cast<std::size_t>(n - i)});
}

template <typename T>
HWY_INLINE T sum_lanes(Vec<T> x) {
  return hn::GetLane(hn::SumOfLanes(Tag<T>(), x));
}

template <typename T>
HWY_INLINE T max_lanes(Vec<T> x) {
  return hn::GetLane(hn::MaxOfLanes(Tag<T>(), x));
}

}  // namespace lockstep::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
