// Products with columns that are not stored. What a product reads of them at a time is packed into the second
// cache: as panels of the right factor, or as rows of the left one. It costs a load and a store for every
// vector of them, and is read by as many multiply-adds as the other factor has rows (or columns).
#include "core/cpu/simd/columns.h"

#include <algorithm>

#include "core/cpu/simd/dispatch.h"
#include "core/runtime/memory.h"
#include "core/runtime/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/cpu/simd/columns.cpp"
#include <hwy/foreach_target.h>

#include "core/cpu/simd/product_tile-inl.h"

#ifndef LOCKSTEP_COLUMNS_TABLE  // once, not for every target
#define LOCKSTEP_COLUMNS_TABLE
namespace lockstep::cpu {

// Of the left factor, packed at a time.
inline constexpr std::int64_t left_rows = 96;

template <typename T>
struct ColumnsTable {
  std::int64_t tile_rows, panel;
  // Columns [begin, end) and `depth` rows from `row` on, as panels, one after another.
  void (*pack)(T* to, const Columns<const T>& b, std::int64_t row, std::int64_t depth, std::int64_t begin,
               std::int64_t end);
  // The transposed: columns [begin, end) are the panels' rows; of all rows, a panel for every `panel` of
  // them.
  void (*pack_transposed)(T* to, const Columns<const T>& d, std::int64_t begin, std::int64_t end);
  // c = a b from the panels of block.
  void (*rows)(const ProductBlock<T>& block, std::int64_t begin, std::int64_t end);
  // At most left_rows rows of c, from row `row` of a^T on; a (block.k, ...) has rows `block.a.row_stride`
  // apart. `packed`: left_rows * block.k numbers.
  void (*transposed_left)(const ProductBlock<T>& block, T* packed);
  // b += c (rows, columns [begin, end)), of b's rows from `row` on; b = c if distinct.
  void (*add)(const Columns<T>& b, std::int64_t row, std::int64_t rows, std::int64_t begin, std::int64_t end,
              bool distinct, const T* c, std::int64_t leading);
  // At most left_rows rows of c: of b from `row` on, over columns [begin, begin + block.k).
  void (*columns_left)(const ProductBlock<T>& block, const Columns<const T>& b, std::int64_t row,
                       std::int64_t begin, T* packed);
};

// Calls body(run's first place, column, count) for what of the runs lies in [begin, end).
template <typename Body>
void for_runs(std::span<const Run> runs, std::int64_t begin, std::int64_t end, Body&& body) {
  auto run = std::upper_bound(runs.begin(), runs.end(), begin,
                              [](std::int64_t column, const Run& r) { return column < r.column; });
  --run;
  for (std::int64_t at = begin; at < end; ++run) {
    const std::int64_t count = std::min(run->column + run->count, end) - at;
    body(run->from + at - run->column, at, count);
    at += count;
  }
}

}  // namespace lockstep::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace lockstep::cpu::HWY_NAMESPACE {
namespace {

#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX2

// `count` <= lanes numbers of every row to rows of a panel; what is behind them there, but for `room`, is
// overwritten.
template <typename T>
HWY_INLINE void pack_vector(T* to, const T* from, const std::int64_t* rows, std::int64_t depth,
                            std::int64_t count, std::int64_t room) {
  const Tag<T> d;
  const Part<T> part{static_cast<std::size_t>(count)};
  if (count == lanes<T>) {
    for (std::int64_t r = 0; r < depth; ++r) hn::StoreU(hn::LoadU(d, from + rows[r]), d, to + r * panel<T>);
  } else if (lanes<T> <= room) {
    for (std::int64_t r = 0; r < depth; ++r) hn::StoreU(part.load(from + rows[r]), d, to + r * panel<T>);
  } else {
    for (std::int64_t r = 0; r < depth; ++r) part.store(part.load(from + rows[r]), to + r * panel<T>);
  }
}

template <typename T>
void pack_columns(T* to, const Columns<const T>& b, std::int64_t row, std::int64_t depth, std::int64_t begin,
                  std::int64_t end) {
  const Tag<T> d;
  const std::int64_t* const rows = b.rows.data() + row;
  for (std::int64_t j = begin; j < end; j += panel<T>, to += depth * panel<T>) {
    const std::int64_t last = std::min(j + panel<T>, end);
    if (last < j + panel<T>) std::fill_n(to, depth * panel<T>, T(0));
    for_runs(b.runs, j, last, [&](std::int64_t place, std::int64_t at, std::int64_t count) HWY_ATTR {
      const T* const from = b.data + place;
      T* const target = to + at - j;
      if (count == panel<T>) {
        for (std::int64_t r = 0; r < depth; ++r) {
          hn::StoreU(hn::LoadU(d, from + rows[r]), d, target + r * panel<T>);
          hn::StoreU(hn::LoadU(d, from + rows[r] + lanes<T>), d, target + r * panel<T> + lanes<T>);
        }
        return;
      }
      for (std::int64_t i = 0; i < count; i += lanes<T>)
        pack_vector(target + i, from + i, rows, depth, std::min(lanes<T>, count - i),
                    panel<T> - (at - j) - i);
    });
  }
}

template <typename T>
void pack_columns_transposed(T* to, const Columns<const T>& b, std::int64_t begin, std::int64_t end) {
  const auto m = static_cast<std::int64_t>(b.rows.size());
  const std::int64_t stride = m > 1 ? b.rows[1] - b.rows[0] : 0;
  for (std::int64_t j = 0; j < m; j += panel<T>, to += (end - begin) * panel<T>) {
    for_runs(b.runs, begin, end, [&](std::int64_t place, std::int64_t at, std::int64_t count) {
      pack_transposed(to + (at - begin) * panel<T>, {b.data + b.rows[j] + place, 1, stride}, count,
                      std::min(panel<T>, m - j));
    });
  }
}

// c = left b: left(i) gives the rows of the left factor from row i on.
template <typename T, class Left>
HWY_INLINE void multiply_left(const ProductBlock<T>& block, const Left& left) {
  for (std::int64_t j = 0; j < block.n; j += panel<T>) {
    const Factor<T> b{block.panels + j * block.k, panel<T>, 1};
    std::int64_t i = 0;
    for (; i + product_rows <= block.m; i += product_rows)
      multiply_rows<T, product_rows>(block, left(i), b, i, j);
    for (; i + 4 <= block.m; i += 4) multiply_rows<T, 4>(block, left(i), b, i, j);
    for (; i < block.m; ++i) multiply_rows<T, 1>(block, left(i), b, i, j);
  }
}

// Packed by tiles: one number of every row of a tile, then the next one of every row.
template <typename T>
void multiply_transposed_left(const ProductBlock<T>& block, T* packed) {
  for (std::int64_t i = 0; i < block.m; i += product_rows) {
    const std::int64_t count = std::min(product_rows, block.m - i);
    T* to = packed + i * block.k;
    const T* from = block.a.data + i;
    for (std::int64_t q = 0; q < block.k; ++q, to += product_rows, from += block.a.column_stride) {
      if (count == product_rows) {
        for (std::int64_t r = 0; r < product_rows; ++r) to[r] = from[r];
      } else {
        for (std::int64_t r = 0; r < count; ++r) to[r] = from[r];
      }
    }
  }
  multiply_left(block, [&](std::int64_t i) {
    return Factor<T>{packed + i / product_rows * product_rows * block.k + i % product_rows, 1, product_rows};
  });
}

template <typename T>
void add_rows_to_columns(const Columns<T>& b, std::int64_t row, std::int64_t rows, std::int64_t begin,
                         std::int64_t end, bool distinct, const T* c, std::int64_t leading) {
  for (std::int64_t r = 0; r < rows; ++r) {
    for_runs(b.runs, begin, end, [&](std::int64_t place, std::int64_t at, std::int64_t count) HWY_ATTR {
      T* const to = b.data + b.rows[row + r] + place;
      const T* const from = c + r * leading + at - begin;
      if (distinct) {
        for_vectors<T>(count,
                       [&](std::int64_t i, auto part) HWY_ATTR { part.store(part.load(from + i), to + i); });
      } else {
        for_vectors<T>(count, [&](std::int64_t i, auto part) HWY_ATTR {
          part.store(hn::Add(part.load(to + i), part.load(from + i)), to + i);
        });
      }
    });
  }
}

template <typename T>
void multiply_columns_left(const ProductBlock<T>& block, const Columns<const T>& b, std::int64_t row,
                           std::int64_t begin, T* packed) {
  const std::int64_t stride = block.k + line<T>;
  for_runs(
      b.runs, begin, begin + block.k, [&](std::int64_t place, std::int64_t at, std::int64_t count) HWY_ATTR {
        for (std::int64_t r = 0; r < block.m; ++r) {
          T* const to = packed + r * stride + at - begin;
          const T* const from = b.data + b.rows[row + r] + place;
          for_vectors<T>(
              count, [&](std::int64_t i, auto part) HWY_ATTR { part.store(part.load(from + i), to + i); });
        }
      });
  multiply_left(block, [&](std::int64_t i) { return Factor<T>{packed + i * stride, stride, 1}; });
}

template <typename T>
constexpr ColumnsTable<T> columns_table = {product_rows,           panel<T>,
                                           pack_columns<T>,        pack_columns_transposed<T>,
                                           product_of_rows<T>,     multiply_transposed_left<T>,
                                           add_rows_to_columns<T>, multiply_columns_left<T>};
#else
template <typename T>
constexpr ColumnsTable<T> columns_table = {};
#endif

const Tables<ColumnsTable>& columns_tables() {
  static constexpr Tables<ColumnsTable> tables = {columns_table<float>, columns_table<double>};
  return tables;
}

}  // namespace
}  // namespace lockstep::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lockstep::cpu {

HWY_EXPORT(columns_tables);

namespace {

template <typename T>
const ColumnsTable<T>& columns_kernels() {
  return HWY_DYNAMIC_DISPATCH(columns_tables)().template get<T>();
}

constexpr std::int64_t multiplications_of_a_chunk = 500000, moves_of_a_chunk = 30000;  // some 10 us each

// How many blocks of so many numbers are packed before threads meet: some 2 MB.
std::int64_t blocks_at_a_time(std::int64_t numbers) { return std::max<std::int64_t>(1, 524288 / numbers); }

std::int64_t round_up_to(std::int64_t n, std::int64_t to) { return (n + to - 1) / to * to; }

}  // namespace

template <typename T>
void product_with_columns(std::int64_t m, Factor<T> a, const Columns<const T>& b, const T* bias, T* c,
                          std::int64_t leading) {
  constexpr std::int64_t most_columns = 256;  // packed at a time: they stay in the second cache, beside a
  const ColumnsTable<T>& kernels = columns_kernels<T>();
  const std::int64_t panel = kernels.panel, n = b.count(), k = static_cast<std::int64_t>(b.rows.size());
  const std::int64_t grain = multiplications_of_a_chunk / (m * k * panel) + 1;
  parallel_for(round_up_to(n, panel) / panel, grain, [&](std::int64_t first, std::int64_t last) {
    const std::int64_t end = std::min(n, last * panel);
    const Buffer memory(static_cast<std::size_t>(most_columns * std::min(k, product_depth)) * sizeof(T));
    T* const panels = static_cast<T*>(memory.data());
    for (std::int64_t j = first * panel; j < end; j += most_columns) {
      const std::int64_t columns = std::min(most_columns, end - j);
      if (bias != nullptr) {
        for (std::int64_t i = 0; i < m; ++i) std::fill_n(c + i * leading + j, columns, bias[i]);
      }
      for (std::int64_t i = 0; i < k; i += product_depth) {
        const std::int64_t depth = std::min(product_depth, k - i);
        kernels.pack(panels, b, i, depth, j, j + columns);
        kernels.rows({.a = a.at(0, i),
                      .b = {},
                      .panels = panels,
                      .c = c + j,
                      .leading = leading,
                      .m = m,
                      .n = columns,
                      .k = depth,
                      .next_k = std::min(product_depth, k - i - depth),
                      .accumulate = bias != nullptr || i > 0,
                      .bias = nullptr},
                     0, m);
      }
    }
  });
}

template <typename T>
void add_to_columns(const Columns<T>& b, std::int64_t group, bool distinct, const T* a,
                    const Columns<const T>& d) {
  const ColumnsTable<T>& kernels = columns_kernels<T>();
  const auto k = static_cast<std::int64_t>(b.rows.size()), m = static_cast<std::int64_t>(d.rows.size());
  const std::int64_t n = b.count(), panel = kernels.panel;
  // A block of d's columns stays in the second cache; threads meet after some of them.
  const std::int64_t block = std::clamp<std::int64_t>(131072 / m / panel * panel, panel, 512);
  const std::int64_t most = std::min(round_up_to(n, panel), blocks_at_a_time(m * block) * block);
  const Buffer memory(static_cast<std::size_t>(m * most) * sizeof(T));
  T* const panels = static_cast<T*>(memory.data());
  // The panels of the block at column j: for each block of k those of all its columns.
  const auto padded_at = [&](std::int64_t j) { return round_up_to(std::min(block, n - j), panel); };
  for (std::int64_t start = 0; start < n; start += most) {
    const std::int64_t stop = std::min(start + most, n);
    parallel_for(round_up_to(stop - start, panel) / panel, moves_of_a_chunk / (panel * m) + 1,
                 [&](std::int64_t first, std::int64_t last) {
                   for (std::int64_t j = start + first * panel; j < std::min(stop, start + last * panel);
                        j += panel) {
                     const std::int64_t begin = start + (j - start) / block * block;
                     T* const to = panels + (begin - start) * m;
                     for (std::int64_t i = 0; i < m; i += product_depth) {
                       const std::int64_t depth = std::min(product_depth, m - i);
                       kernels.pack(to + i * padded_at(begin) + (j - begin) * depth, d, i, depth, j,
                                    std::min(stop, j + panel));
                     }
                   }
                 });
    const std::int64_t grain = multiplications_of_a_chunk / (m * (stop - start) * group) + 1;
    parallel_for(k / group, grain, [&](std::int64_t first, std::int64_t last) {
      const Buffer scratch(static_cast<std::size_t>(left_rows * (block + product_depth)) * sizeof(T));
      T* const c = static_cast<T*>(scratch.data());
      T* const left = c + left_rows * block;
      for (std::int64_t j = start; j < stop; j += block) {
        const std::int64_t padded = padded_at(j);
        for (std::int64_t row = first * group; row < last * group; row += left_rows) {
          const std::int64_t rows = std::min(left_rows, last * group - row);
          for (std::int64_t i = 0; i < m; i += product_depth) {
            kernels.transposed_left({.a = {a + i * k + row, 1, k},
                                     .b = {},
                                     .panels = panels + (j - start) * m + i * padded,
                                     .c = c,
                                     .leading = padded,
                                     .m = rows,
                                     .n = padded,
                                     .k = std::min(product_depth, m - i),
                                     .next_k = 0,
                                     .accumulate = i > 0,
                                     .bias = nullptr},
                                    left);
          }
          kernels.add(b, row, rows, j, std::min(j + block, stop), distinct, c, padded);
        }
      }
    });
  }
}

template <typename T>
void product_of_columns(const Columns<const T>& b, const Columns<const T>& d, bool accumulate, T* c) {
  const ColumnsTable<T>& kernels = columns_kernels<T>();
  const auto k = static_cast<std::int64_t>(b.rows.size()), m = static_cast<std::int64_t>(d.rows.size());
  const std::int64_t n = b.count(), panel = kernels.panel, padded = round_up_to(m, panel),
                     across = padded / panel;
  const std::int64_t blocks = (n + product_depth - 1) / product_depth, block = (n + blocks - 1) / blocks;
  const std::int64_t most = std::min(blocks, blocks_at_a_time(padded * block)) * block;
  const Buffer memory(static_cast<std::size_t>(padded * most) * sizeof(T));
  T* const panels = static_cast<T*>(memory.data());
  for (std::int64_t start = 0; start < n; start += most) {
    const std::int64_t stop = std::min(start + most, n), count = (stop - start + block - 1) / block;
    parallel_for(count * across, moves_of_a_chunk / (panel * block) + 1,
                 [&](std::int64_t first, std::int64_t last) {
                   for (std::int64_t i = first; i < last; ++i) {
                     const std::int64_t j = start + i / across * block, row = i % across * panel,
                                        end = std::min(j + block, stop);
                     const auto at = static_cast<std::size_t>(row),
                                rows = static_cast<std::size_t>(std::min(panel, m - row));
                     kernels.pack_transposed(panels + (j - start) * padded + row * (end - j),
                                             {d.data, d.rows.subspan(at, rows), d.runs}, j, end);
                   }
                 });
    const std::int64_t tiles = (k + kernels.tile_rows - 1) / kernels.tile_rows;
    const std::int64_t grain = multiplications_of_a_chunk / (m * (stop - start) * kernels.tile_rows) + 1;
    parallel_for(tiles, grain, [&](std::int64_t first, std::int64_t last) {
      const Buffer scratch(static_cast<std::size_t>(left_rows * (product_depth + 64)) * sizeof(T));
      const std::int64_t end = std::min(k, last * kernels.tile_rows);
      for (std::int64_t j = start; j < stop; j += block) {
        for (std::int64_t row = first * kernels.tile_rows; row < end; row += left_rows) {
          kernels.columns_left({.a = {},
                                .b = {},
                                .panels = panels + (j - start) * padded,
                                .c = c + row * m,
                                .leading = m,
                                .m = std::min(left_rows, end - row),
                                .n = m,
                                .k = std::min(block, stop - j),
                                .next_k = 0,
                                .accumulate = accumulate || j > 0,
                                .bias = nullptr},
                               b, row, j, static_cast<T*>(scratch.data()));
        }
      }
    });
  }
}

template void product_with_columns(std::int64_t, Factor<float>, const Columns<const float>&, const float*,
                                   float*, std::int64_t);
template void product_with_columns(std::int64_t, Factor<double>, const Columns<const double>&, const double*,
                                   double*, std::int64_t);
template void add_to_columns(const Columns<float>&, std::int64_t, bool, const float*,
                             const Columns<const float>&);
template void add_to_columns(const Columns<double>&, std::int64_t, bool, const double*,
                             const Columns<const double>&);
template void product_of_columns(const Columns<const float>&, const Columns<const float>&, bool, float*);
template void product_of_columns(const Columns<const double>&, const Columns<const double>&, bool, double*);

}  // namespace lockstep::cpu
#endif
