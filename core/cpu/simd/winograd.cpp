// Neighbouring tiles, or windows, in the lanes: a transform is sums of whole vectors. Products with zero tell
// what is not finite.
#include "core/cpu/simd/winograd.h"

#include <algorithm>

#include "core/cpu/simd/dispatch.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/cpu/simd/winograd.cpp"
#include <hwy/foreach_target.h>

#include "core/cpu/simd/attention_tile-inl.h"

#ifndef LOCKSTEP_WINOGRAD_TABLE  // once, not for every target
#define LOCKSTEP_WINOGRAD_TABLE
namespace lockstep::cpu {

template <typename T>
struct WinogradTable {
  void (*of_x)(const Columns<const T>& tiles, T* v, std::int64_t apart);
  void (*of_dy)(const Columns<const T>& tiles, T* v, std::int64_t apart);
  void (*of_weight)(const T* windows, std::int64_t distance, std::int64_t count, T* u, std::int64_t apart);
  bool (*to_y)(const T* m, std::int64_t apart, T bias, const TileResults<T>& to);
  bool (*to_weight)(const T* u, std::int64_t apart, std::int64_t count, T* windows, std::int64_t distance);
};

}  // namespace lockstep::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace lockstep::cpu::HWY_NAMESPACE {
namespace {

// `in` numbers to `out`, every `stride`th: the matrix of a transform, times a column or a row.
template <typename T>
struct TimesB {  // B^T (4, 4)
  static constexpr int in = 4, out = 4;
  static HWY_INLINE void apply(const Vec<T>* d, Vec<T>* t, int stride) {
    t[0] = hn::Sub(d[0], d[2 * stride]);
    t[stride] = hn::Add(d[stride], d[2 * stride]);
    t[2 * stride] = hn::Sub(d[2 * stride], d[stride]);
    t[3 * stride] = hn::Sub(d[stride], d[3 * stride]);
  }
};
template <typename T>
struct TimesA {  // A (4, 2)
  static constexpr int in = 2, out = 4;
  static HWY_INLINE void apply(const Vec<T>* d, Vec<T>* t, int stride) {
    t[0] = d[0];
    t[stride] = hn::Add(d[0], d[stride]);
    t[2 * stride] = hn::Sub(d[0], d[stride]);
    t[3 * stride] = hn::Neg(d[stride]);
  }
};
template <typename T>
struct TimesTransposedA {  // A^T (2, 4)
  static constexpr int in = 4, out = 2;
  static HWY_INLINE void apply(const Vec<T>* m, Vec<T>* t, int stride) {
    t[0] = hn::Add(hn::Add(m[0], m[stride]), m[2 * stride]);
    t[stride] = hn::Sub(hn::Sub(m[stride], m[2 * stride]), m[3 * stride]);
  }
};
template <typename T>
struct TimesG {  // G (4, 3)
  static constexpr int in = 3, out = 4;
  static HWY_INLINE void apply(const Vec<T>* g, Vec<T>* t, int stride) {
    const Vec<T> half = set<T>(T(0.5)), outer = hn::Add(g[0], g[2 * stride]);
    t[0] = g[0];
    t[stride] = hn::Mul(half, hn::Add(outer, g[stride]));
    t[2 * stride] = hn::Mul(half, hn::Sub(outer, g[stride]));
    t[3 * stride] = g[2 * stride];
  }
};
template <typename T>
struct TimesTransposedG {  // G^T (3, 4)
  static constexpr int in = 4, out = 3;
  static HWY_INLINE void apply(const Vec<T>* u, Vec<T>* t, int stride) {
    const Vec<T> half = set<T>(T(0.5)), sum = hn::Mul(half, hn::Add(u[stride], u[2 * stride]));
    t[0] = hn::Add(u[0], sum);
    t[stride] = hn::Mul(half, hn::Sub(u[stride], u[2 * stride]));
    t[2 * stride] = hn::Add(sum, u[3 * stride]);
  }
};

// to (out, out) = M from (in, in) M^T, both with rows of four.
template <class M, typename T>
HWY_INLINE void transform(const Vec<T>* from, Vec<T>* to) {
  Vec<T> half[16];
  HWY_UNROLL(4)
  for (int j = 0; j < M::in; ++j) M::apply(from + j, half + j, 4);
  HWY_UNROLL(4)
  for (int i = 0; i < M::out; ++i) M::apply(half + 4 * i, to + 4 * i, 1);
}

template <template <typename> class M, typename T>
void transform_tiles(const Columns<const T>& tiles, T* v, std::int64_t apart) {
  constexpr int in = M<T>::in;
  for (const Run& run : tiles.runs) {
    const T* const from = tiles.data + run.from;
    T* const to = v + run.column;
    for_vectors<T>(run.count, [&](std::int64_t i, auto part) HWY_ATTR {
      Vec<T> d[16], t[16];
      HWY_UNROLL(16)
      for (int e = 0; e < in * in; ++e)
        d[e / in * 4 + e % in] = part.load(from + tiles.rows[static_cast<std::size_t>(e)] + i);
      transform<M<T>, T>(d, t);
      HWY_UNROLL(16)
      for (int e = 0; e < 16; ++e) part.store(t[e], to + e * apart + i);
    });
  }
}

template <typename T>
void transform_weight(const T* windows, std::int64_t distance, std::int64_t count, T* u, std::int64_t apart) {
  constexpr int numbers = 9;
  HWY_ALIGN T columns[numbers * lanes<T>] = {};
  for_vectors<T>(count, [&](std::int64_t i, auto part) HWY_ATTR {
    const T* const from = windows + i * distance;
    const std::int64_t some = std::min(lanes<T>, count - i);
    const int whole = some == lanes<T> ? numbers - 1 : 0;
    if (whole > 0) transpose<T>(columns, lanes<T>, from, distance, lanes<T>, whole, T(1));
    for (std::int64_t w = 0; w < some; ++w) {
      for (int e = whole; e < numbers; ++e) columns[e * lanes<T> + w] = from[w * distance + e];
    }
    Vec<T> g[16], t[16];
    HWY_UNROLL(9)
    for (int e = 0; e < numbers; ++e) g[e / 3 * 4 + e % 3] = hn::Load(Tag<T>(), columns + e * lanes<T>);
    transform<TimesG<T>, T>(g, t);
    HWY_UNROLL(16)
    for (int e = 0; e < 16; ++e) part.store(t[e], u + e * apart + i);
  });
}

// Adds zero for every finite number, else NaN.
template <typename T>
HWY_INLINE Vec<T> check(Vec<T> x, Vec<T> so_far) {
  return hn::MulAdd(x, hn::Zero(Tag<T>()), so_far);
}
template <typename T>
HWY_INLINE bool all_zero(Vec<T> x) {
  return hn::AllTrue(Tag<T>(), hn::Eq(x, hn::Zero(Tag<T>())));
}

// `count` numbers, side by side, to y.
template <typename T>
HWY_INLINE void store_results(T* to, std::int64_t step, const T* from, std::int64_t count) {
  if (step == 1) {
    for_vectors<T>(count,
                   [&](std::int64_t i, auto part) HWY_ATTR { part.store(part.load(from + i), to + i); });
  } else {
    for (std::int64_t i = 0; i < count; ++i) to[i * step] = from[i];
  }
}

// Vectors go on from a row of tiles to the next, as rows may be short.
template <typename T>
bool transform_to_y(const T* m, std::int64_t apart, T bias, const TileResults<T>& to) {
  const Tag<T> d;
  const Vec<T> biases = set<T>(bias);
  Vec<T> checked = hn::Zero(d);
  HWY_ALIGN T results[2][2 * lanes<T>];
  const std::int64_t tiles = to.tiles(), columns = to.columns();
  std::int64_t row = 0, column = 0;
  for_vectors<T>(tiles, [&](std::int64_t i, auto part) HWY_ATTR {
    Vec<T> from[16], y[16];
    HWY_UNROLL(16)
    for (int e = 0; e < 16; ++e) from[e] = part.load(m + e * apart + i);
    transform<TimesTransposedA<T>, T>(from, y);
    HWY_UNROLL(2)
    for (int r = 0; r < 2; ++r) {
      const Vec<T> left = hn::Add(y[4 * r], biases), right = hn::Add(y[4 * r + 1], biases);
      checked = check<T>(right, check<T>(left, checked));
      hn::StoreInterleaved2(left, right, d, results[r]);
    }
    for (std::int64_t at = 0, count = std::min(lanes<T>, tiles - i); at < count;) {
      const std::int64_t some = std::min(columns - column, count - at),
                         numbers = std::min(2 * some, to.width - 2 * column);
      T* const first = to.y + 2 * row * to.row_distance + 2 * column * to.step;
      store_results(first, to.step, results[0] + 2 * at, numbers);
      if (2 * row + 1 < to.height)
        store_results(first + to.row_distance, to.step, results[1] + 2 * at, numbers);
      at += some;
      column += some;
      if (column == columns) column = 0, ++row;
    }
  });
  return all_zero<T>(checked);
}

template <typename T>
bool transform_to_weight(const T* u, std::int64_t apart, std::int64_t count, T* windows,
                         std::int64_t distance) {
  constexpr int numbers = 9;
  Vec<T> checked = hn::Zero(Tag<T>());
  HWY_ALIGN T columns[numbers * lanes<T>];
  for_vectors<T>(count, [&](std::int64_t i, auto part) HWY_ATTR {
    Vec<T> from[16], g[16];
    HWY_UNROLL(16)
    for (int e = 0; e < 16; ++e) from[e] = part.load(u + e * apart + i);
    transform<TimesTransposedG<T>, T>(from, g);
    for (int e = 0; e < numbers; ++e) {
      const Vec<T> x = g[e / 3 * 4 + e % 3];
      checked = check<T>(x, checked);
      hn::Store(x, Tag<T>(), columns + e * lanes<T>);
    }
    for (std::int64_t w = 0; w < std::min(lanes<T>, count - i); ++w) {
      for (int e = 0; e < numbers; ++e) windows[(i + w) * distance + e] = columns[e * lanes<T> + w];
    }
  });
  return all_zero<T>(checked);
}

template <typename T>
constexpr WinogradTable<T> winograd_table = {transform_tiles<TimesB, T>, transform_tiles<TimesA, T>,
                                             transform_weight<T>, transform_to_y<T>, transform_to_weight<T>};

const Tables<WinogradTable>& winograd_tables() {
  static constexpr Tables<WinogradTable> tables = {winograd_table<float>, winograd_table<double>};
  return tables;
}

}  // namespace
}  // namespace lockstep::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lockstep::cpu {

HWY_EXPORT(winograd_tables);

namespace {

template <typename T>
const WinogradTable<T>& winograd_kernels() {
  return HWY_DYNAMIC_DISPATCH(winograd_tables)().template get<T>();
}

}  // namespace

template <typename T>
void winograd_of_x(const Columns<const T>& tiles, T* v, std::int64_t apart) {
  winograd_kernels<T>().of_x(tiles, v, apart);
}

template <typename T>
void winograd_of_dy(const Columns<const T>& tiles, T* v, std::int64_t apart) {
  winograd_kernels<T>().of_dy(tiles, v, apart);
}

template <typename T>
void winograd_of_weight(const T* windows, std::int64_t distance, std::int64_t count, T* u,
                        std::int64_t apart) {
  winograd_kernels<T>().of_weight(windows, distance, count, u, apart);
}

template <typename T>
bool winograd_to_y(const T* m, std::int64_t apart, T bias, const TileResults<T>& to) {
  return winograd_kernels<T>().to_y(m, apart, bias, to);
}

template <typename T>
bool winograd_to_weight(const T* u, std::int64_t apart, std::int64_t count, T* windows,
                        std::int64_t distance) {
  return winograd_kernels<T>().to_weight(u, apart, count, windows, distance);
}

template void winograd_of_x(const Columns<const float>&, float*, std::int64_t);
template void winograd_of_x(const Columns<const double>&, double*, std::int64_t);
template void winograd_of_dy(const Columns<const float>&, float*, std::int64_t);
template void winograd_of_dy(const Columns<const double>&, double*, std::int64_t);
template void winograd_of_weight(const float*, std::int64_t, std::int64_t, float*, std::int64_t);
template void winograd_of_weight(const double*, std::int64_t, std::int64_t, double*, std::int64_t);
template bool winograd_to_y(const float*, std::int64_t, float, const TileResults<float>&);
template bool winograd_to_y(const double*, std::int64_t, double, const TileResults<double>&);
template bool winograd_to_weight(const float*, std::int64_t, std::int64_t, float*, std::int64_t);
template bool winograd_to_weight(const double*, std::int64_t, std::int64_t, double*, std::int64_t);

}  // namespace lockstep::cpu
#endif
