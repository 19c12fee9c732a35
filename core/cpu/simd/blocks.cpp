#include "core/cpu/simd/blocks.h"

#include <algorithm>

#include "core/cpu/simd/dispatch.h"
#include "core/runtime/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/cpu/simd/blocks.cpp"
#include <hwy/foreach_target.h>

#include "core/cpu/simd/attention_tile-inl.h"

#ifndef LOCKSTEP_BLOCKS_TABLE  // once, not for every target
#define LOCKSTEP_BLOCKS_TABLE
namespace lockstep::cpu {

template <typename T>
struct BlocksTable {
  void (*gather)(T* to, std::int64_t to_row, const T* from, std::int64_t from_row, std::int64_t step,
                 std::int64_t rows, std::int64_t count);
  void (*scatter)(T* to, std::int64_t to_row, std::int64_t step, const T* from, std::int64_t from_row,
                  std::int64_t rows, std::int64_t count, bool accumulate);
  double (*sum)(const T* from, std::int64_t from_row, std::int64_t rows, std::int64_t count);
  void (*transpose)(T* to, std::int64_t to_row, const T* from, std::int64_t from_row, std::int64_t rows,
                    std::int64_t columns, bool accumulate);
};

}  // namespace lockstep::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace lockstep::cpu::HWY_NAMESPACE {
namespace {

// As many numbers as a vector has, or fewer, and 0.
template <typename T>
HWY_INLINE Vec<T> first_of(const T* from, std::int64_t count) {
  return Part<T>{static_cast<std::size_t>(std::clamp<std::int64_t>(count, 0, lanes<T>))}.load(from);
}
template <typename T>
HWY_INLINE void store_first(Vec<T> x, T* to, std::int64_t count) {
  Part<T>{static_cast<std::size_t>(std::min(count, lanes<T>))}.store(x, to);
}

template <typename T>
void gather_block(T* to, std::int64_t to_row, const T* from, std::int64_t from_row, std::int64_t step,
                  std::int64_t rows, std::int64_t count) {
  for (std::int64_t r = 0; r < rows; ++r, to += to_row, from += from_row) {
    if (step == 1) {
      for_vectors<T>(count,
                     [&](std::int64_t i, auto part) HWY_ATTR { part.store(part.load(from + i), to + i); });
      continue;
    }
    std::int64_t i = 0;
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX2
    if (step == 2) {
      for (; i < count; i += lanes<T>) {
        const std::int64_t read = 2 * (count - i) - 1;  // at most two vectors of them
        const Vec<T> even = hn::ConcatEven(Tag<T>(), first_of(from + 2 * i + lanes<T>, read - lanes<T>),
                                           first_of(from + 2 * i, read));
        store_first(even, to + i, count - i);
      }
    }
#endif
    for (; i < count; ++i) to[i] = from[i * step];
  }
}

template <typename T>
void scatter_block(T* to, std::int64_t to_row, std::int64_t step, const T* from, std::int64_t from_row,
                   std::int64_t rows, std::int64_t count, bool accumulate) {
  for (std::int64_t r = 0; r < rows; ++r, to += to_row, from += from_row) {
    if (step == 1) {
      for_vectors<T>(count, [&](std::int64_t i, auto part) HWY_ATTR {
        const Vec<T> x = part.load(from + i);
        part.store(accumulate ? hn::Add(part.load(to + i), x) : x, to + i);
      });
      continue;
    }
    std::int64_t i = 0;
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX2
    if constexpr (sizeof(T) == 4) {
      if (step == 2) {
        const Tag<std::uint64_t> pairs;  // of which a number is the first, with 0
        const hn::Rebind<T, Tag<std::uint64_t>> half;
        constexpr std::int64_t numbers = lanes<T> / 2;
        for (; i < count; i += numbers) {
          const auto x = hn::MaskedLoad(
              hn::FirstN(half, static_cast<std::size_t>(std::min(numbers, count - i))), half, from + i);
          const Vec<T> even = hn::BitCast(
              Tag<T>(), hn::PromoteTo(pairs, hn::BitCast(hn::RebindToUnsigned<decltype(half)>(), x)));
          const std::int64_t written = 2 * (count - i) - 1;
          const Vec<T> before = first_of(to + 2 * i, written);
          store_first(accumulate ? hn::Add(before, even) : hn::OddEven(before, even), to + 2 * i, written);
        }
      }
    }
#endif
    for (; i < count; ++i) to[i * step] = from[i] + (accumulate ? to[i * step] : T(0));
  }
}

template <typename T>
double sum_block(const T* from, std::int64_t from_row, std::int64_t rows, std::int64_t count) {
  const Tag<double> wide;
  Vec<double> sums = hn::Zero(wide);
  double rest = 0;
  for (std::int64_t r = 0; r < rows; ++r, from += from_row) {
    std::int64_t i = 0;
    for (; i + lanes<double> <= count; i += lanes<double>) {
      if constexpr (sizeof(T) == sizeof(double)) {
        sums = hn::Add(sums, hn::LoadU(wide, from + i));
      } else {
        sums = hn::Add(sums, hn::PromoteTo(wide, hn::LoadU(hn::Rebind<T, Tag<double>>(), from + i)));
      }
    }
    for (; i < count; ++i) rest += from[i];
  }
  return rest + sum_lanes<double>(sums);
}

template <typename T>
void transpose_block(T* to, std::int64_t to_stride, const T* from, std::int64_t from_stride,
                     std::int64_t rows, std::int64_t columns, bool accumulate) {
  constexpr std::int64_t side = 16 / sizeof(T);
  const std::int64_t whole_rows = rows / lanes<T> * lanes<T>, whole_columns = columns / side * side;
  const bool whole = whole_rows == rows && whole_columns == columns;
  if (!accumulate && whole) return transpose<T>(to, to_stride, from, from_stride, rows, columns, T(1));
  for (std::int64_t c = 0; c < columns; ++c) {
    for (std::int64_t r = 0; r < rows; ++r) {
      T& y = to[c * to_stride + r];
      y = from[r * from_stride + c] + (accumulate ? y : T(0));
    }
  }
}

template <typename T>
constexpr BlocksTable<T> blocks_table = {gather_block<T>, scatter_block<T>, sum_block<T>, transpose_block<T>};

const Tables<BlocksTable>& blocks_tables() {
  static constexpr Tables<BlocksTable> tables = {blocks_table<float>, blocks_table<double>};
  return tables;
}

}  // namespace
}  // namespace lockstep::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lockstep::cpu {

HWY_EXPORT(blocks_tables);

template <typename T>
void gather_rows(T* to, std::int64_t to_row, const T* from, std::int64_t from_row, std::int64_t step,
                 std::int64_t rows, std::int64_t count) {
  HWY_DYNAMIC_DISPATCH(blocks_tables)
  ().template get<T>().gather(to, to_row, from, from_row, step, rows, count);
}

template <typename T>
void scatter_rows(T* to, std::int64_t to_row, std::int64_t step, const T* from, std::int64_t from_row,
                  std::int64_t rows, std::int64_t count, bool accumulate) {
  HWY_DYNAMIC_DISPATCH(blocks_tables)
  ().template get<T>().scatter(to, to_row, step, from, from_row, rows, count, accumulate);
}

template <typename T>
double sum_of_rows(const T* from, std::int64_t from_row, std::int64_t rows, std::int64_t count) {
  return HWY_DYNAMIC_DISPATCH(blocks_tables)().template get<T>().sum(from, from_row, rows, count);
}

template <typename T>
void transpose_to(T* to, const T* from, std::int64_t rows, std::int64_t columns, bool accumulate) {
  constexpr std::int64_t side = 64, moves_of_a_chunk = 30000;  // some 10 us
  const auto transpose = HWY_DYNAMIC_DISPATCH(blocks_tables)().template get<T>().transpose;
  parallel_for((columns + side - 1) / side, moves_of_a_chunk / (side * rows) + 1,
               [&](std::int64_t first, std::int64_t last) {
                 for (std::int64_t j = first * side; j < std::min(columns, last * side); j += side) {
                   for (std::int64_t i = 0; i < rows; i += side)
                     transpose(to + j * rows + i, rows, from + i * columns + j, columns,
                               std::min(side, rows - i), std::min(side, columns - j), accumulate);
                 }
               });
}

template void gather_rows(float*, std::int64_t, const float*, std::int64_t, std::int64_t, std::int64_t,
                          std::int64_t);
template void gather_rows(double*, std::int64_t, const double*, std::int64_t, std::int64_t, std::int64_t,
                          std::int64_t);
template void scatter_rows(float*, std::int64_t, std::int64_t, const float*, std::int64_t, std::int64_t,
                           std::int64_t, bool);
template void scatter_rows(double*, std::int64_t, std::int64_t, const double*, std::int64_t, std::int64_t,
                           std::int64_t, bool);
template double sum_of_rows(const float*, std::int64_t, std::int64_t, std::int64_t);
template double sum_of_rows(const double*, std::int64_t, std::int64_t, std::int64_t);
template void transpose_to(float*, const float*, std::int64_t, std::int64_t, bool);
template void transpose_to(double*, const double*, std::int64_t, std::int64_t, bool);

}  // namespace lockstep::cpu
#endif
