// What matrix products are made of: panels of b, rows of a, and tiles of c in registers. Included once per
// target.
#if defined(LOCKSTEP_CORE_CPU_SIMD_PRODUCT_TILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef LOCKSTEP_CORE_CPU_SIMD_PRODUCT_TILE_INL_H_
#undef LOCKSTEP_CORE_CPU_SIMD_PRODUCT_TILE_INL_H_
#else
#define LOCKSTEP_CORE_CPU_SIMD_PRODUCT_TILE_INL_H_
#endif

#include <hwy/cache_control.h>

#include <algorithm>

#include "core/cpu/simd/attention_tile-inl.h"
#include "core/cpu/simd/product_block.h"

HWY_BEFORE_NAMESPACE();
namespace lockstep::cpu::HWY_NAMESPACE {

#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX2

// Of a tile, which is two vectors wide: 24 or 12 sums hide the multiply-adds' latency, and leave registers
// for the operands.
inline constexpr std::int64_t product_rows = HWY_TARGET == HWY_AVX3 ? 12 : 6;
template <typename T>
inline constexpr std::int64_t panel = 2 * lanes<T>;
template <typename T>
inline constexpr std::int64_t line = 64 / static_cast<std::int64_t>(sizeof(T));  // numbers in a cache line

// One panel of b, whose columns are contiguous.
template <typename T>
void pack_transposed(T* to, Factor<T> b, std::int64_t k, std::int64_t columns) {
  constexpr std::int64_t side = 16 / sizeof(T);
  const std::int64_t whole = columns == panel<T> ? k / side * side : 0;
  if (whole > 0) transpose<T>(to, panel<T>, b.data, b.column_stride, columns, whole, T(1));
  for (std::int64_t i = whole; i < k; ++i) {
    for (std::int64_t j = 0; j < panel<T>; ++j)
      to[i * panel<T> + j] = j < columns ? b.data[i * b.row_stride + j * b.column_stride] : T(0);
  }
}

// b (k, columns) to panels of k rows, padded with zeros.
template <typename T>
void pack(T* to, Factor<T> b, std::int64_t k, std::int64_t columns) {
  if (b.column_stride != 1) {
    for (std::int64_t j = 0; j < columns; j += panel<T>) {
      pack_transposed(to + j * k, b.at(0, j), k, std::min(panel<T>, columns - j));
    }
    return;
  }
  const std::int64_t whole = columns / panel<T> * panel<T>;
  for (std::int64_t i = 0; i < k; ++i) {  // whole rows, in the order of memory
    const T* const from = b.data + i * b.row_stride;
    T* const row = to + i * panel<T>;
    for (std::int64_t j = 0; j < columns; j += line<T>) hwy::Prefetch(from + 8 * b.row_stride + j);
    for (std::int64_t j = 0; j < whole; j += panel<T>) copy_row(row + j * k, from + j, panel<T>, panel<T>);
    if (whole < columns) copy_row(row + whole * k, from + whole, columns - whole, panel<T>);
  }
}

// The rows of a for which all panels are passed over once: they stay in the second cache.
inline constexpr std::int64_t rows_at_a_time = 96;

// At most so many rows of a as tiles read them: as they lie, or copied where they would push each other out
// of the first cache.
template <typename T, std::int64_t most>
class LeftRows {
 public:
  explicit LeftRows(const ProductBlock<T>& block)
      : a_(block.a), k_(block.k), collide_(a_.column_stride == 1 && a_.row_stride * sizeof(T) % 4096 == 0) {}

  // The whole tiles of rows [first, last).
  HWY_INLINE void take(std::int64_t first, std::int64_t last) {
    first_ = first;
    if (!collide_) return;
    const std::int64_t count = (last - first) / product_rows * product_rows;
    for (std::int64_t r = 0; r < count; ++r)
      copy_row(copy_ + r * (k_ + line<T>), a_.data + (first + r) * a_.row_stride, k_, k_);
  }

  // The tile at row i of those taken.
  HWY_INLINE Factor<T> tile(std::int64_t i) const {
    return collide_ ? Factor<T>{copy_ + (i - first_) * (k_ + line<T>), k_ + line<T>, 1} : rows(i);
  }

  // From row i and number q of it on, as they lie.
  HWY_INLINE Factor<T> rows(std::int64_t i, std::int64_t q = 0) const { return a_.at(i, q); }

 private:
  const Factor<T> a_;
  const std::int64_t k_;
  const bool collide_;
  std::int64_t first_ = 0;
  HWY_ALIGN T copy_[most * (product_depth + line<T>)];
};

// What to fetch while tiles are multiplied: a line of every row of memory, then the next line of every row,
// and with every tile at most as many of them as the tile has steps.
template <typename T>
struct Ahead {
  Ahead() = default;
  // The first k numbers of `count` rows of a.
  Ahead(Factor<T> a, std::int64_t count, std::int64_t k)
      : data(a.data), stride(a.row_stride), rows(count), lines((k + line<T> - 1) / line<T>) {
    if (a.column_stride != 1) stride = a.column_stride, rows = k, lines = (count + line<T> - 1) / line<T>;
    if (k == 0) rows = 0;
    left = rows;
  }
  HWY_INLINE void next(std::int64_t steps) {
    data += std::min(left, steps) * stride;
    left -= std::min(left, steps);
    if (left > 0 || rows == 0) return;
    data += line<T> - rows * stride;
    left = --lines > 0 ? rows : 0;
    if (lines == 0) rows = 0;
  }

  const T* data = nullptr;
  std::int64_t stride = 0, rows = 0, lines = 0;
  std::int64_t left = 0;  // rows, of this line
};

// In how many of a tile's steps rows of c are fetched: all at once hold up the reads of a, for a time that
// only many steps make up for.
constexpr std::int64_t steps_for_c(std::int64_t rows, std::int64_t k) {
  return k <= 128 ? std::min(rows, k) : 0;
}

template <typename T, int rows, int vectors>
HWY_INLINE void multiply_tile(const ProductBlock<T>& block, Factor<T> a, Factor<T> b, std::int64_t i,
                              std::int64_t j, Ahead<T> ahead) {
  T* const c = block.c + i * block.leading + j;
  Tile<T, rows, vectors> sums;
  sums.clear();
  const std::int64_t of_c = steps_for_c(rows, block.k), of_ahead = std::min(ahead.left, block.k - of_c);
  const T* c_row = c;
  const auto fetch_c = [&]() HWY_ATTR {
    hwy::Prefetch(c_row);
    if constexpr (vectors == 2) hwy::Prefetch(c_row + lanes<T>);
    c_row += block.leading;
  };
  if (of_c == 0) {
    HWY_UNROLL(16)
    for (int r = 0; r < rows; ++r) fetch_c();
  }
  sums.multiply(a.data, a.row_stride, a.column_stride, b.data, b.row_stride, of_c, fetch_c);
  a = a.at(0, of_c), b = b.at(of_c, 0);
  sums.multiply(a.data, a.row_stride, a.column_stride, b.data, b.row_stride, of_ahead, [&]() HWY_ATTR {
    hwy::Prefetch(ahead.data);
    ahead.data += ahead.stride;
  });
  a = a.at(0, of_ahead), b = b.at(of_ahead, 0);
  sums.multiply(a.data, a.row_stride, a.column_stride, b.data, b.row_stride, block.k - of_c - of_ahead);
  const T* const bias = block.bias == nullptr ? nullptr : block.bias + j;
  if (block.n - j >= vectors * lanes<T>) {
    if (block.accumulate) sums.add(c, block.leading);
    if (bias != nullptr) sums.add(bias, 0);
    sums.store(c, block.leading);
    return;
  }
  // The last vector is only begun.
  const Tag<T> d;
  constexpr std::int64_t at = (vectors - 1) * lanes<T>;
  const auto part = hn::FirstN(d, static_cast<std::size_t>(block.n - j - at));
  HWY_UNROLL(16)
  for (int r = 0; r < rows; ++r) {
    T* const row = c + r * block.leading;
    for (int v = 0; v + 1 < vectors; ++v) {
      Vec<T> sum = sums.sums[r][v];
      if (block.accumulate) sum = hn::Add(hn::LoadU(d, row), sum);
      if (bias != nullptr) sum = hn::Add(hn::LoadU(d, bias), sum);
      hn::StoreU(sum, d, row);
    }
    Vec<T> sum = sums.sums[r][vectors - 1];
    if (block.accumulate) sum = hn::Add(hn::MaskedLoad(part, d, row + at), sum);
    if (bias != nullptr) sum = hn::Add(hn::MaskedLoad(part, d, bias + at), sum);
    hn::BlendedStore(sum, part, d, row + at);
  }
}

template <typename T, int rows>
HWY_INLINE void multiply_rows(const ProductBlock<T>& block, Factor<T> a, Factor<T> b, std::int64_t i,
                              std::int64_t j, Ahead<T> ahead = Ahead<T>()) {
  if (block.n - j > lanes<T>) {
    multiply_tile<T, rows, 2>(block, a, b, i, j, ahead);
  } else {
    multiply_tile<T, rows, 1>(block, a, b, i, j, ahead);
  }
}

// One panel, at column j, for the rows [first, last), whole tiles of which a has taken.
template <typename T, std::int64_t most>
HWY_INLINE void multiply_panel(const ProductBlock<T>& block, const LeftRows<T, most>& a, Factor<T> b,
                               std::int64_t j, std::int64_t first, std::int64_t last, Ahead<T>& ahead) {
  std::int64_t i = first;
  for (; i + product_rows <= last;
       i += product_rows, ahead.next(block.k - steps_for_c(product_rows, block.k)))
    multiply_rows<T, product_rows>(block, a.tile(i), b, i, j, ahead);
  for (; i + 4 <= last; i += 4) multiply_rows<T, 4>(block, a.rows(i), b, i, j);
  for (; i < last; ++i) multiply_rows<T, 1>(block, a.rows(i), b, i, j);
}

template <typename T>
void product_of_rows(const ProductBlock<T>& block, std::int64_t begin, std::int64_t end) {
  LeftRows<T, rows_at_a_time> a(block);
  for (std::int64_t first = begin; first < end; first += rows_at_a_time) {
    const std::int64_t last = std::min(first + rows_at_a_time, end);
    a.take(first, last);
    auto ahead = last < end
                     ? Ahead<T>(a.rows(last), std::min(rows_at_a_time, end - last), block.k)
                     : Ahead<T>(a.rows(begin, block.k), std::min(rows_at_a_time, end - begin), block.next_k);
    for (std::int64_t j = 0; j < block.n; j += panel<T>)
      multiply_panel(block, a, {block.panels + j * block.k, panel<T>, 1}, j, first, last, ahead);
  }
}

#endif

}  // namespace lockstep::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
