// The matrix product for AVX-512. b is packed in panels two vectors wide, which stay in the first cache while
// tiles of a's rows pass over them; a is read where it lies, as broadcast numbers. Bound by the
// multiply-adds: at 82 to 95 % of what a Zen 4 core can do of them.
#include "core/cpu/simd/product.h"

#include <algorithm>

#include "core/cpu/simd/dispatch.h"
#include "core/memory.h"
#include "core/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/cpu/simd/product.cpp"
#include <hwy/foreach_target.h>

#include "core/cpu/simd/attention_tile-inl.h"

#ifndef LOCKSTEP_PRODUCT_TABLE  // once, not for every target
#define LOCKSTEP_PRODUCT_TABLE
namespace lockstep::cpu {

inline constexpr std::int64_t product_rows = 12;  // of a tile: 24 sums, which hide the multiply-adds' latency
inline constexpr std::int64_t product_depth =
    384;  // of a block of k: sums stay short, and c is passed over once for most layers

// A block of k: c = a b [+ c or bias], with b in panels.
template <typename T>
struct ProductBlock {
  Factor<T> a;
  const T* panels;
  T* c;
  std::int64_t leading, n, k;
  bool accumulate;
  const T* bias;
};

template <typename T>
struct ProductTable {
  std::int64_t panel;  // columns
  void (*pack)(T* to, Factor<T> b, std::int64_t k, std::int64_t columns);
  void (*rows)(const ProductBlock<T>& block, std::int64_t begin, std::int64_t end);  // [begin, end) of c
};

}  // namespace lockstep::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace lockstep::cpu::HWY_NAMESPACE {
namespace {

#if HWY_TARGET == HWY_AVX3

template <typename T>
inline constexpr std::int64_t panel = 2 * lanes<T>;

// b (k, columns) to rows of a whole panel, zeros behind the columns.
template <typename T>
void pack(T* to, Factor<T> b, std::int64_t k, std::int64_t columns) {
  if (b.column_stride == 1) {
    for (std::int64_t i = 0; i < k; ++i) {
      const T* const from = b.data + i * b.row_stride;
      if (columns == panel<T>) {
        copy_row(to + i * panel<T>, from, panel<T>, panel<T>);  // a constant: two loads and two stores
      } else {
        copy_row(to + i * panel<T>, from, columns, panel<T>);
      }
    }
    return;
  }
  constexpr std::int64_t side = 16 / sizeof(T);
  const std::int64_t whole = columns == panel<T> ? k / side * side : 0;
  if (whole > 0) transpose<T>(to, panel<T>, b.data, b.column_stride, columns, whole, T(1));
  for (std::int64_t i = whole; i < k; ++i) {
    for (std::int64_t j = 0; j < panel<T>; ++j)
      to[i * panel<T> + j] = j < columns ? b.data[i * b.row_stride + j * b.column_stride] : T(0);
  }
}

template <typename T, int rows, int vectors>
HWY_INLINE void multiply_tile(const ProductBlock<T>& block, const T* b, std::int64_t i, std::int64_t j) {
  const Factor<T>& a = block.a;
  T* const c = block.c + i * block.leading + j;
  Tile<T, rows, vectors> sums;
  sums.clear();
  sums.multiply(a.data + i * a.row_stride, a.row_stride, a.column_stride, b, panel<T>, block.k);
  const std::int64_t columns = block.n - j;
  if (columns >= vectors * lanes<T>) {
    if (block.accumulate) sums.add(c, block.leading);
    if (block.bias != nullptr) sums.add(block.bias + j, 0);
    sums.store(c, block.leading);
    return;
  }
  HWY_ALIGN T edge[rows * vectors * lanes<T>];
  sums.store(edge, vectors * lanes<T>);
  for (int r = 0; r < rows; ++r) {
    for_vectors<T>(columns, [&](std::int64_t at, auto part) HWY_ATTR {
      Vec<T> sum = part.load(edge + r * vectors * lanes<T> + at);
      T* const to = c + r * block.leading + at;
      if (block.accumulate) sum = hn::Add(part.load(to), sum);
      if (block.bias != nullptr) sum = hn::Add(part.load(block.bias + j + at), sum);
      part.store(sum, to);
    });
  }
}

// Tiles of `rows` rows from row i on, as many as fit; returns the first row that is left.
template <typename T, int rows>
HWY_INLINE std::int64_t multiply_tiles(const ProductBlock<T>& block, const T* b, std::int64_t j,
                                       std::int64_t i, std::int64_t end) {
  for (; i + rows <= end; i += rows) {
    if (block.n - j > lanes<T>) {
      multiply_tile<T, rows, 2>(block, b, i, j);
    } else {
      multiply_tile<T, rows, 1>(block, b, i, j);
    }
  }
  return i;
}

template <typename T>
void product_of_rows(const ProductBlock<T>& block, std::int64_t begin, std::int64_t end) {
  constexpr std::int64_t rows_at_a_time = 8 * product_rows;  // they stay in the second cache for all panels
  for (std::int64_t first = begin; first < end; first += rows_at_a_time) {
    const std::int64_t last = std::min(first + rows_at_a_time, end);
    for (std::int64_t j = 0; j < block.n; j += panel<T>) {
      const T* const b = block.panels + j * block.k;
      std::int64_t i = multiply_tiles<T, product_rows>(block, b, j, first, last);
      i = multiply_tiles<T, 4>(block, b, j, i, last);
      multiply_tiles<T, 1>(block, b, j, i, last);
    }
  }
}

template <typename T>
constexpr ProductTable<T> product_table = {panel<T>, pack<T>, product_of_rows<T>};
#else
template <typename T>
constexpr ProductTable<T> product_table = {};
#endif

const Tables<ProductTable>& product_tables() {
  static constexpr Tables<ProductTable> tables = {product_table<float>, product_table<double>};
  return tables;
}

}  // namespace
}  // namespace lockstep::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lockstep::cpu {

HWY_EXPORT(product_tables);

bool has_product() { return HWY_DYNAMIC_DISPATCH(product_tables)().get<float>().panel > 0; }

template <typename T>
void product(std::int64_t m, std::int64_t n, std::int64_t k, Factor<T> a, Factor<T> b, bool accumulate, T* c,
             std::int64_t leading, const T* bias) {
  constexpr std::int64_t most_n = 512;  // what is packed at a time fits in the second cache
  constexpr std::int64_t grain = 500000, pack_grain = 30000;  // multiplications and numbers in some 10 us
  const ProductTable<T>& kernels = HWY_DYNAMIC_DISPATCH(product_tables)().template get<T>();
  const std::int64_t panel = kernels.panel;
  const Buffer memory(static_cast<std::size_t>(std::min((n + panel - 1) / panel * panel, most_n) *
                                               std::min(k, product_depth)) *
                      sizeof(T));
  T* const panels = static_cast<T*>(memory.data());
  for (std::int64_t j = 0; j < n; j += most_n) {
    const std::int64_t columns = std::min(most_n, n - j);
    for (std::int64_t i = 0; i < k; i += product_depth) {
      const std::int64_t depth = std::min(product_depth, k - i);
      const T* const from = b.data + i * b.row_stride + j * b.column_stride;
      parallel_for((columns + panel - 1) / panel, pack_grain / (panel * depth) + 1,
                   [&](std::int64_t begin, std::int64_t end) {
                     for (std::int64_t p = begin * panel; p < std::min(columns, end * panel); p += panel) {
                       kernels.pack(panels + p * depth,
                                    {from + p * b.column_stride, b.row_stride, b.column_stride}, depth,
                                    std::min(panel, columns - p));
                     }
                   });
      const ProductBlock<T> block{.a = {a.data + i * a.column_stride, a.row_stride, a.column_stride},
                                  .panels = panels,
                                  .c = c + j,
                                  .leading = leading,
                                  .n = columns,
                                  .k = depth,
                                  .accumulate = accumulate || i > 0,
                                  .bias = bias == nullptr || i > 0 ? nullptr : bias + j};
      parallel_for((m + product_rows - 1) / product_rows, grain / (product_rows * columns * depth) + 1,
                   [&](std::int64_t begin, std::int64_t end) {
                     kernels.rows(block, begin * product_rows, std::min(m, end * product_rows));
                   });
    }
  }
}

template void product(std::int64_t, std::int64_t, std::int64_t, Factor<float>, Factor<float>, bool, float*,
                      std::int64_t, const float*);
template void product(std::int64_t, std::int64_t, std::int64_t, Factor<double>, Factor<double>, bool, double*,
                      std::int64_t, const double*);

}  // namespace lockstep::cpu
#endif
