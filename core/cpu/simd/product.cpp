// The matrix product. b is read in panels two vectors wide, a tile of 12 rows of a passes over each of them
// (6 with AVX2), and what the next tiles need is fetched meanwhile: the rows of a that come next, and c.
// Bound by the multiply-adds: at 88 to 95 % of what a Zen 4 core can do of them with AVX-512, at 80 % where a
// panel is half empty, and with AVX2 at 70 to 94 %.
#include "core/cpu/simd/product.h"

#include <algorithm>

#include "core/cpu/simd/dispatch.h"
#include "core/runtime/memory.h"
#include "core/runtime/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/cpu/simd/product.cpp"
#include <hwy/foreach_target.h>

#include "core/cpu/simd/product_tile-inl.h"

#ifndef LOCKSTEP_PRODUCT_TABLE  // once, not for every target
#define LOCKSTEP_PRODUCT_TABLE
namespace lockstep::cpu {

// With at most so many rows of c, its columns are dealt out instead.
inline constexpr std::int64_t few_rows = 192;

template <typename T>
struct ProductTable {
  std::int64_t tile_rows;                                                  // of a
  std::int64_t panel;                                                      // columns of b
  void (*pack)(T* to, Factor<T> b, std::int64_t k, std::int64_t columns);  // to panels, one after another
  // [begin, end) of c; for columns(), begin is a multiple of `panel` and m at most few_rows.
  void (*rows)(const ProductBlock<T>& block, std::int64_t begin, std::int64_t end);
  void (*columns)(const ProductBlock<T>& block, std::int64_t begin, std::int64_t end);
};

}  // namespace lockstep::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace lockstep::cpu::HWY_NAMESPACE {
namespace {

#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX2

// Where c has few rows, as the gradient of a weight has, b is the large factor, and is fetched while the
// panel before is multiplied. A panel is read as it lies: few tiles do not repay packing it, but where its
// rows would push each other out of the caches.
template <typename T>
void product_of_columns(const ProductBlock<T>& block, std::int64_t begin, std::int64_t end) {
  HWY_ALIGN T packed[panel<T> * product_depth];
  LeftRows<T, few_rows> a(block);
  a.take(0, block.m);
  const bool collide = block.b.row_stride * sizeof(T) % 4096 == 0;
  for (std::int64_t j = begin; j < end; j += panel<T>) {
    const std::int64_t next = j + panel<T>;
    Factor<T> b = block.b.at(0, j);
    if (collide || end < next) {
      pack(packed, b, block.k, std::min(panel<T>, end - j));
      b = {packed, panel<T>, 1};
    }
    // A column of b for a row of the left factor.
    auto ahead = next < end ? Ahead<T>({block.b.at(0, next).data, block.b.column_stride, block.b.row_stride},
                                       std::min(panel<T>, end - next), block.k)
                            : Ahead<T>(a.rows(0, block.k), block.m, block.next_k);
    multiply_panel(block, a, b, j, 0, block.m, ahead);
  }
}

template <typename T>
constexpr ProductTable<T> product_table = {product_rows, panel<T>, pack<T>, product_of_rows<T>,
                                           product_of_columns<T>};
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
  const std::int64_t rows = kernels.tile_rows, panel = kernels.panel;
  const bool by_columns = m <= few_rows && b.column_stride == 1;
  const std::int64_t most_packed = by_columns ? 0 : std::min((n + panel - 1) / panel * panel, most_n);
  const Buffer memory(static_cast<std::size_t>(most_packed * std::min(k, product_depth)) * sizeof(T));
  T* const panels = static_cast<T*>(memory.data());
  for (std::int64_t j = 0; j < n; j += most_n) {
    const std::int64_t columns = std::min(most_n, n - j), count = (columns + panel - 1) / panel;
    for (std::int64_t i = 0; i < k; i += product_depth) {
      const std::int64_t depth = std::min(product_depth, k - i);
      const ProductBlock<T> block{.a = a.at(0, i),
                                  .b = b.at(i, j),
                                  .panels = panels,
                                  .c = c + j,
                                  .leading = leading,
                                  .m = m,
                                  .n = columns,
                                  .k = depth,
                                  .next_k = std::min(product_depth, k - i - depth),
                                  .accumulate = accumulate || i > 0,
                                  .bias = bias == nullptr || i > 0 ? nullptr : bias + j};
      if (by_columns) {
        parallel_for(count, grain / (panel * m * depth) + 1, [&](std::int64_t begin, std::int64_t end) {
          kernels.columns(block, begin * panel, std::min(columns, end * panel));
        });
        continue;
      }
      parallel_for(count, pack_grain / (panel * depth) + 1, [&](std::int64_t begin, std::int64_t end) {
        const std::int64_t first = begin * panel;
        kernels.pack(panels + first * depth, block.b.at(0, first), depth,
                     std::min(columns, end * panel) - first);
      });
      parallel_for((m + rows - 1) / rows, grain / (rows * columns * depth) + 1,
                   [&](std::int64_t begin, std::int64_t end) {
                     kernels.rows(block, begin * rows, std::min(m, end * rows));
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
