// What both directions of attention are made of: packed rows, transposed blocks, and small matrix products
// whose results stay in registers. Included once per target.
//
// Scores are kept transposed, (key, query), with queries in the vector's lanes: the softmax is then free of
// sums across lanes. In what is summed over keys or queries, the outputs and all gradients, the head's
// dimensions are in the lanes, as they lie in memory.
#if defined(LOCKSTEP_CORE_CPU_SIMD_ATTENTION_TILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LOCKSTEP_CORE_CPU_SIMD_ATTENTION_TILE_INL_H_
#undef LOCKSTEP_CORE_CPU_SIMD_ATTENTION_TILE_INL_H_
#else
#define LOCKSTEP_CORE_CPU_SIMD_ATTENTION_TILE_INL_H_
#endif

#include <algorithm>

#include "core/cpu/simd/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace lockstep::cpu::HWY_NAMESPACE {

// A tile is `tile_rows` broadcast numbers by 1 or 2 vectors. With 32 registers, 8 x 2 sums leave room for the
// operands and hide the latency of the multiply-add.
inline constexpr int tile_rows = HWY_TARGET == HWY_AVX3 ? 8 : 4;

template <typename T>
inline constexpr std::int64_t block_queries = 2 * lanes<T>;
// What has a row or a column for each of them has as many as tiles may touch.
template <typename T>
inline constexpr std::int64_t padded_queries = std::max<std::int64_t>(block_queries<T>, 2 * tile_rows);
inline constexpr std::int64_t block_keys = 64;

constexpr std::int64_t round_up(std::int64_t n, std::int64_t to) { return (n + to - 1) / to * to; }

// Packed rows have this many numbers: whole vectors and whole tiles.
template <typename T>
constexpr std::int64_t packed_width(std::int64_t dim) {
  return round_up(dim, std::max<std::int64_t>(lanes<T>, tile_rows));
}

// sums[r][v] += sum over i of a[r a_row + i a_step] b[i b_step + v N .. + N - 1]
template <typename T, int rows, int vectors>
struct Tile {
  Vec<T> sums[rows][vectors];

  HWY_INLINE void clear() {
    HWY_UNROLL(16)
    for (int r = 0; r < rows; ++r) {
      HWY_UNROLL(2)
      for (int v = 0; v < vectors; ++v) sums[r][v] = hn::Zero(Tag<T>());
    }
  }
  HWY_INLINE void load(const T* from, std::int64_t row_stride) {
    HWY_UNROLL(16)
    for (int r = 0; r < rows; ++r) {
      HWY_UNROLL(2)
      for (int v = 0; v < vectors; ++v)
        sums[r][v] = hn::LoadU(Tag<T>(), from + r * row_stride + v * lanes<T>);
    }
  }
  HWY_INLINE void add(const T* from, std::int64_t row_stride) {
    HWY_UNROLL(16)
    for (int r = 0; r < rows; ++r) {
      HWY_UNROLL(2)
      for (int v = 0; v < vectors; ++v)
        sums[r][v] = hn::Add(hn::LoadU(Tag<T>(), from + r * row_stride + v * lanes<T>), sums[r][v]);
    }
  }
  HWY_INLINE void scale(const T* factors) {  // one for each row
    HWY_UNROLL(16)
    for (int r = 0; r < rows; ++r) {
      const Vec<T> factor = set<T>(factors[r]);
      HWY_UNROLL(2)
      for (int v = 0; v < vectors; ++v) sums[r][v] = hn::Mul(sums[r][v], factor);
    }
  }
  HWY_INLINE void store(T* to, std::int64_t row_stride) const {
    HWY_UNROLL(16)
    for (int r = 0; r < rows; ++r) {
      HWY_UNROLL(2)
      for (int v = 0; v < vectors; ++v) hn::StoreU(sums[r][v], Tag<T>(), to + r * row_stride + v * lanes<T>);
    }
  }
  HWY_INLINE void multiply(const T* HWY_RESTRICT a, std::int64_t a_row, std::int64_t a_step,
                           const T* HWY_RESTRICT b, std::int64_t b_step, std::int64_t count) {
    multiply(a, a_row, a_step, b, b_step, count, [] {});
  }
  // With meanwhile() in every step.
  template <typename F>
  HWY_INLINE void multiply(const T* HWY_RESTRICT a, std::int64_t a_row, std::int64_t a_step,
                           const T* HWY_RESTRICT b, std::int64_t b_step, std::int64_t count, F&& meanwhile) {
    // One pointer for three rows: an address may hold a_row once or twice, and a pointer each would not find
    // room in the registers.
    constexpr int groups = (rows + 2) / 3;
    const T* group[groups];
    HWY_UNROLL(16)
    for (int g = 0; g < groups; ++g) group[g] = a + 3 * g * a_row;
    for (std::int64_t i = 0; i < count; ++i, b += b_step) {
      meanwhile();
      Vec<T> right[vectors];
      HWY_UNROLL(2)
      for (int v = 0; v < vectors; ++v) right[v] = hn::LoadU(Tag<T>(), b + v * lanes<T>);
      HWY_UNROLL(16)
      for (int r = 0; r < rows; ++r) {
        const Vec<T> left = set<T>(group[r / 3][r % 3 * a_row]);
        HWY_UNROLL(2)
        for (int v = 0; v < vectors; ++v) sums[r][v] = hn::MulAdd(left, right[v], sums[r][v]);
      }
      HWY_UNROLL(16)
      for (int g = 0; g < groups; ++g) group[g] += a_step;
    }
  }
};

// Rows of `dim` numbers to rows of `width` >= dim, padded with zeros.
template <typename T>
HWY_INLINE void copy_row(T* to, const T* from, std::int64_t dim, std::int64_t width) {
  std::int64_t i = 0;
  for (; i + lanes<T> <= dim; i += lanes<T>) hn::StoreU(hn::LoadU(Tag<T>(), from + i), Tag<T>(), to + i);
  for (; i < dim; ++i) to[i] = from[i];
  for (; i < width; ++i) to[i] = T(0);
}

template <typename T, int vectors>
HWY_INLINE void copy_vectors(T* to, std::int64_t to_stride, const T* from, std::int64_t from_stride,
                             std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i, to += to_stride, from += from_stride) {
    HWY_UNROLL(4)
    for (int v = 0; v < vectors; ++v)
      hn::StoreU(hn::LoadU(Tag<T>(), from + v * lanes<T>), Tag<T>(), to + v * lanes<T>);
  }
}
template <typename T>
HWY_INLINE void copy_rows(T* to, std::int64_t to_stride, const T* from, std::int64_t from_stride,
                          std::int64_t count, std::int64_t dim, std::int64_t width) {
  if (dim == width) {  // without a loop in the loop: 10 % of the time of attention over 32 tokens
    if (dim == lanes<T>) return copy_vectors<T, 1>(to, to_stride, from, from_stride, count);
    if (dim == 2 * lanes<T>) return copy_vectors<T, 2>(to, to_stride, from, from_stride, count);
    if (dim == 4 * lanes<T>) return copy_vectors<T, 4>(to, to_stride, from, from_stride, count);
  }
  for (std::int64_t i = 0; i < count; ++i) copy_row(to + i * to_stride, from + i * from_stride, dim, width);
}

// Covers `rows` rows of `width` numbers, a multiple of N, with tiles: body<tile rows, vectors>(row, column).
// A last single vector is covered by tiles of twice the rows.
template <typename T, class Body>
HWY_INLINE void for_tiles(std::int64_t rows, std::int64_t width, const Body& body) {
  std::int64_t j = 0;
  for (; j + 2 * lanes<T> <= width; j += 2 * lanes<T>) {
    for (std::int64_t i = 0; i < rows; i += tile_rows) body.template operator()<tile_rows, 2>(i, j);
  }
  for (; j < width; j += lanes<T>) {
    for (std::int64_t i = 0; i < rows; i += 2 * tile_rows) body.template operator()<2 * tile_rows, 1>(i, j);
  }
}

// One vector of 128-bit blocks, block b from `from + b stride`.
#if HWY_TARGET != HWY_SCALAR
template <class D, typename T = hn::TFromD<D>>
HWY_INLINE hn::Vec<D> load_blocks(D d, const T* from, std::int64_t stride) {
  constexpr std::size_t n = hn::MaxLanes(D());
  if constexpr (n * sizeof(T) == 16) {
    return hn::LoadU(d, from);
  } else {
    const hn::Half<D> half;
    constexpr std::int64_t blocks = static_cast<std::int64_t>(n * sizeof(T) / 32);
    return hn::Combine(d, load_blocks(half, from + blocks * stride, stride), load_blocks(half, from, stride));
  }
}
#endif

// to[c][r] = factor from[r][c], with rows a multiple of N and columns of 128 bits.
template <typename T>
HWY_NOINLINE void transpose(T* to, std::int64_t to_stride, const T* from, std::int64_t from_stride,
                            std::int64_t rows, std::int64_t columns, T factor) {
#if HWY_TARGET == HWY_SCALAR
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = 0; c < columns; ++c) to[c * to_stride + r] = factor * from[r * from_stride + c];
  }
#else
  const Tag<T> d;
  const Tag<double> pairs;
  constexpr std::int64_t side = 16 / sizeof(T);
  const Vec<T> scale = set<T>(factor);
  for (std::int64_t c = 0; c < columns; c += side) {
    for (std::int64_t r = 0; r < rows; r += lanes<T>) {
      const T* const source = from + r * from_stride + c;
      const auto rows_at = [&](std::int64_t i) HWY_ATTR {
        return load_blocks(d, source + i * from_stride, side * from_stride);
      };
      T* const target = to + c * to_stride + r;
      const auto put = [&](std::int64_t i, Vec<T> x)
                           HWY_ATTR { hn::StoreU(hn::Mul(x, scale), d, target + i * to_stride); };
      if constexpr (sizeof(T) == 4) {
        const Vec<T> a = rows_at(0), b = rows_at(1), e = rows_at(2), f = rows_at(3);
        const auto ab = hn::BitCast(pairs, hn::InterleaveLower(d, a, b)),
                   ef = hn::BitCast(pairs, hn::InterleaveLower(d, e, f));
        const auto ab2 = hn::BitCast(pairs, hn::InterleaveUpper(d, a, b)),
                   ef2 = hn::BitCast(pairs, hn::InterleaveUpper(d, e, f));
        put(0, hn::BitCast(d, hn::InterleaveLower(pairs, ab, ef)));
        put(1, hn::BitCast(d, hn::InterleaveUpper(pairs, ab, ef)));
        put(2, hn::BitCast(d, hn::InterleaveLower(pairs, ab2, ef2)));
        put(3, hn::BitCast(d, hn::InterleaveUpper(pairs, ab2, ef2)));
      } else {
        const Vec<T> a = rows_at(0), b = rows_at(1);
        put(0, hn::InterleaveLower(d, a, b));
        put(1, hn::InterleaveUpper(d, a, b));
      }
    }
  }
#endif
}

// Keys that a head may look at, packed without the hidden ones, and the positions that they came from.
struct VisibleKeys {
  std::int64_t count;
  const std::int32_t* position;  // ascending; null where they are `first`, `first` + 1, ...
  std::int64_t first = 0;

  HWY_INLINE std::int64_t at(std::int64_t i) const { return position != nullptr ? position[i] : first + i; }
  // How many of them a causal query sees.
  HWY_INLINE std::int64_t up_to(std::int64_t query) const {
    if (position == nullptr) return std::clamp<std::int64_t>(query + 1 - first, 0, count);
    return std::upper_bound(position, position + count, query) - position;
  }
  // [begin, end) of them.
  VisibleKeys part(std::int64_t begin, std::int64_t end) const {
    return {end - begin, position != nullptr ? position + begin : nullptr, first + begin};
  }
};

// The rows of k or v that belong to them.
template <typename T>
HWY_INLINE void pack_rows(T* to, std::int64_t width, const T* from, std::int64_t stride, std::int64_t dim,
                          const VisibleKeys& visible) {
  if (visible.position == nullptr) {
    copy_rows(to, width, from + visible.first * stride, stride, visible.count, dim, width);
  } else {
    for (std::int64_t i = 0; i < visible.count; ++i)
      copy_row(to + i * width, from + visible.at(i) * stride, dim, width);
  }
}
template <typename T>
HWY_INLINE void unpack_rows(T* to, std::int64_t stride, const T* from, std::int64_t width, std::int64_t dim,
                            const VisibleKeys& visible) {
  if (visible.position == nullptr) {
    copy_rows(to + visible.first * stride, stride, from, width, visible.count, dim, dim);
  } else {
    for (std::int64_t i = 0; i < visible.count; ++i)
      copy_row(to + visible.at(i) * stride, from + i * width, dim, dim);
  }
}

// Puts `otherwise` where a query does not see a key: after itself if causal, or from key `seen` on. The tile
// begins with `key` and, of the queries from number `first` on, with vector `from`.
template <int from, typename T, int vectors>
HWY_INLINE void hide(Tile<T, tile_rows, vectors>& tile, const VisibleKeys& visible, bool causal,
                     std::int64_t first, std::int64_t key, std::int64_t seen, T otherwise) {
  HWY_UNROLL(16)
  for (int r = 0; r < tile_rows; ++r) {
    // The query, counted from `first`, from which on the key is seen.
    std::int64_t query = padded_queries<T>;
    if (key + r < seen) query = causal ? visible.at(key + r) - first : 0;
    HWY_UNROLL(2)
    for (int v = 0; v < vectors; ++v) {
      const auto number = hn::Iota(Tag<T>(), static_cast<T>((from + v) * lanes<T>));
      const auto sees = hn::Ge(number, set<T>(static_cast<T>(query)));
      tile.sums[r][v] = hn::IfThenElse(sees, tile.sums[r][v], set<T>(otherwise));
    }
  }
}

}  // namespace lockstep::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
