// Products in f32, on tensor cores: tiles of the result, whose sums groups of warps and blocks share.
#include <algorithm>

#include "core/cuda/async_copy.h"
#include "core/cuda/memory.h"
#include "core/cuda/pack.h"
#include "core/cuda/tensor_core.h"
#include "core/cuda/tile_product.h"
#include "core/formulas.h"
#include "core/runtime/observer.h"

namespace lockstep::cuda {

namespace {

constexpr int pack = pack_size<float>;
constexpr int side = 32;   // of the square that a warp has of a tile
constexpr int depth = 16;  // of k that it takes at once
constexpr int stages = 3;  // what lies in shared memory: the `depth` at hand, and those on their way

// How the warps of a block share a tile: as (down, across) squares; and `groups` of as many warps share k.
template <int down_, int across_, int groups_>
struct TileShape {
  static constexpr int across = across_, groups = groups_;
  static constexpr int rows = side * down_, columns = side * across_;
  static constexpr int group = 32 * down_ * across_, threads = groups * group;
  // That should fit a multiprocessor at once: as many as have registers enough.
  static constexpr int blocks(bool packed) { return (packed && groups == 4 ? 512 : 384) / threads; }
};

// In a warp, lane / 4 and lane % 4: what multiply_bf16 calls g and i.
struct Lane {
  int g, i;
  __device__ Lane() : g(static_cast<int>(threadIdx.x) % 32 / 4), i(static_cast<int>(threadIdx.x) % 4) {}
};

// What a group has of a factor in shared memory: `width` of its rows (of a) or columns (of b), `depth` of the
// k elements that a product sums over. It lies there (width, depth), or if by_rows, where k goes from row to
// row of the factor, (depth, width). Lane i takes the k elements 4 i ... 4 i + 3, so that a pack has them.
template <int width, int threads, bool by_rows, bool packed>
class TileOfFactor {
 public:
  static constexpr int step = by_rows ? width + 2 * pack : depth;  // so, fragments meet no bank conflicts
  static constexpr int size = by_rows ? depth * step : width * step;

  // From row or column `place` on, of which there are `places` more, and from `first` on of k.
  __device__ TileOfFactor(const Matrices<const float>& factor, unsigned matrix, int place, int places,
                          int first, int thread)
      : at_(factor.data + matrix * factor.stride +
            (by_rows ? first + row(thread) : place + row(thread)) * factor.leading +
            (by_rows ? place : first) + column(thread)),
        places_((places < width ? places : width) - (by_rows ? column(thread) : row(thread))) {}

  // Starts to copy the next `depth` of k, of which there are `left` more; zeros beyond and where it has no
  // places.
  __device__ void start(float* to, int left, const Matrices<const float>& factor, int thread) {
    to += slot(row(thread)) * step + column(thread);
    left -= by_rows ? row(thread) : column(thread);
    for (int i = 0; i < packs; ++i) {
      // rows_at_once more rows of the factor stand in slots that are neighbours, or evenly spaced
      float* const target = to + i * (by_rows ? rows_at_once / 4 : rows_at_once) * step;
      const float* const from = at_ + i * rows_at_once * factor.leading;
      const int k = by_rows ? i * rows_at_once : 0, place = by_rows ? 0 : i * rows_at_once;
      if constexpr (packed) {
        start_copy<pack>(target, from, k < left && place < places_);
      } else {
        for (int v = 0; v < pack; ++v)
          start_copy<1>(target + v, from + v,
                        (by_rows ? k : k + v) < left && (by_rows ? place + v : place) < places_);
      }
    }
    at_ += by_rows ? depth * factor.leading : depth;
  }

  // The row or column of element j of those that stand at g: neighbours if by_rows, else evenly spaced.
  static __device__ int place(int g, int j) { return by_rows ? 4 * g + j : g + 8 * j; }

  // Of a warp's square: what a lane has, 4 places and 4 of k.
  struct Fragment {
    Pack<float> packs[4];
    __device__ Fragment(const float* square, const Lane& lane) {
      for (int j = 0; j < 4; ++j)
        packs[j] = pack_at(by_rows ? square + slot(4 * lane.i + j) * step + place(lane.g, 0)
                                   : square + place(lane.g, j) * step + 4 * lane.i);
    }
    // Of place j, the k elements 2 v and 2 v + 1.
    template <int parts>
    __device__ Bf16Parts<parts> pair(int j, int v) const {
      if constexpr (by_rows) return {packs[2 * v].values[j], packs[2 * v + 1].values[j]};
      return {packs[j].values[2 * v], packs[j].values[2 * v + 1]};
    }
  };
  // Where the square begins whose first row or column is this one.
  static __device__ int square(int first) { return by_rows ? first : first * step; }

 private:
  static constexpr int line = by_rows ? width : depth;
  static constexpr int rows_at_once = threads / (line / pack);
  static constexpr int packs = width * depth / pack / threads;
  static_assert(!by_rows || rows_at_once % 4 == 0);
  // Where row k of a tile by rows lies: lanes read rows 4 i + j, whose neighbours in i are neighbours there.
  static __device__ int slot(int k) { return by_rows ? k % 4 * 4 + k / 4 : k; }

  static __device__ int row(int thread) { return thread / (line / pack); }
  static __device__ int column(int thread) { return thread % (line / pack) * pack; }

  const float* at_;
  int places_;  // from this thread's first on
};

// Blocks that share the elements of a tile's sums: where each leaves its own, and the counter of each tile.
struct Parts {
  unsigned count = 1;
  float* tiles = nullptr;    // (tiles, count, rows, columns)
  double* totals = nullptr;  // of rows: (rows of tiles, count, rows)
  unsigned* counters = nullptr;
  auto fields() const { return std::tie(count, tiles, totals, counters); }
};

__device__ inline void add(Pack<float>& to, const Pack<float>& x) {
  for (int v = 0; v < pack; ++v) to.values[v] += x.values[v];
}

// Finishes the sums of `column` and its neighbours, of n, and stores them at `place`.
template <bool packed, bool may_have_times, bool has_slope>
__device__ void finish_and_store(const Matrices<float>& c, const Finish& finish, std::int64_t place,
                                 int column, int n, Pack<float> sums) {
  const int here = n - column < pack ? n - column : pack;
  const auto read = [&](const float* from) {
    Pack<float> values = {};
    if constexpr (packed) {
      values = pack_at(from);
    } else {
      for (int v = 0; v < here; ++v) values.values[v] = from[v];
    }
    return values;
  };
  const auto write = [&](float* to, const Pack<float>& values) {
    if constexpr (packed) {
      store(to, values);
    } else {
      for (int v = 0; v < here; ++v) to[v] = values.values[v];
    }
  };
  for (float& sum : sums.values) sum *= finish.addend.factor;
  if (finish.bias != nullptr) add(sums, read(finish.bias + column));
  if (finish.addend.data != nullptr) {
    const Pack<float> more = read(finish.addend.data + place);
    for (int v = 0; v < pack; ++v) sums.values[v] += finish.addend.share * more.values[v];
  }
  if constexpr (may_have_times) {
    if (finish.times != nullptr) {
      const Pack<float> factors = read(finish.times + place);
      for (int v = 0; v < pack; ++v) sums.values[v] *= factors.values[v];
    }
  }
  if constexpr (has_slope) {
    Pack<float> slope;
    for (int v = 0; v < pack; ++v) {
      slope.values[v] = formula<UnaryOp::gelu_slope>(sums.values[v], 0.0f, 0.0f);
      sums.values[v] = formula<UnaryOp::gelu>(sums.values[v], 0.0f, 0.0f);
    }
    write(finish.slope + place, slope);
  }
  write(c.data + place, sums);
}

// Of a warp's square, the sums of what a lane has: rows 2 h and 2 h + 1 of its four, all four columns.
struct Square {
  float sums[2][4][4] = {};

  // Adds the products of the fragments of all lanes, each factor in so many parts. Products of two parts that
  // are smaller than the last one of a factor are left out.
  template <int parts, typename A, typename B>
  __device__ void add(const A& a, const B& b) {
    std::uint32_t y[parts][4][2];
    for (int j = 0; j < 4; ++j) {
      for (int v = 0; v < 2; ++v) {
        const auto pair = b.template pair<parts>(j, v);
        for (int p = 0; p < parts; ++p) y[p][j][v] = pair.pairs[p];
      }
    }
    for (int h = 0; h < 2; ++h) {
      std::uint32_t x[parts][4];
      for (int e = 0; e < 4; ++e) {
        const auto pair = a.template pair<parts>(2 * h + e % 2, e / 2);
        for (int p = 0; p < parts; ++p) x[p][e] = pair.pairs[p];
      }
      for (int j = 0; j < 4; ++j) {
        float product[4] = {};
        for (int both = parts - 1; both >= 0; --both)  // the smallest first
          for (int p = 0; p <= both; ++p) multiply_bf16(product, x[p], y[both - p][j], product);
        for (int e = 0; e < 4; ++e) sums[h][j][e] += product[e];
      }
    }
  }

  // Puts them into a tile in shared memory whose rows are `step` apart.
  template <typename TileA, typename TileB>
  __device__ void put(float* square, int step, const Lane& lane) const {
    for (int h = 0; h < 2; ++h)
      for (int e = 0; e < 4; ++e)
        for (int j = 0; j < 4; ++j)
          square[TileA::place(lane.g, 2 * h + e / 2) * step + TileB::place(2 * lane.i + e % 2, j)] =
              sums[h][j][e];
  }
};

template <typename Shape, bool a_by_rows, bool b_by_rows, bool packed, int parts_of_factors>
__global__ void __launch_bounds__(Shape::threads, Shape::blocks(packed))
    tile_product_kernel(int m, int n, int k, Matrices<const float> a, Matrices<const float> b,
                        Matrices<float> c, Addend<float> addend, const float* bias, const float* times,
                        float* slope, RowSums row_sums, Parts parts) {
  const Finish finish{addend, bias, times, slope};  // as one parameter it would cost registers
  using TileA = TileOfFactor<Shape::rows, Shape::group, a_by_rows, packed>;
  using TileB = TileOfFactor<Shape::columns, Shape::group, b_by_rows, packed>;
  constexpr int rows = Shape::rows, columns = Shape::columns, stage = TileA::size + TileB::size;
  float* const shared = dynamic_shared<float>();
  __shared__ double totals[Shape::groups][rows];
  const unsigned matrix = blockIdx.z / parts.count, part = blockIdx.z % parts.count;
  const int of_group = static_cast<int>(threadIdx.x) / Shape::group,
            thread = static_cast<int>(threadIdx.x) % Shape::group;
  const Lane lane;
  const int down = side * (thread / 32 / Shape::across), across = side * (thread / 32 % Shape::across);
  const int first_row = static_cast<int>(blockIdx.x) * rows,
            first_column = static_cast<int>(blockIdx.y) * columns;
  const int shares = static_cast<int>(parts.count) * Shape::groups,
            steps = (k + depth * shares - 1) / (depth * shares),
            first = (static_cast<int>(part) * Shape::groups + of_group) * steps * depth;
  TileA next_a(a, matrix, first_row, m - first_row, first, thread);
  TileB next_b(b, matrix, first_column, n - first_column, first, thread);
  float* const own = shared + of_group * stages * stage;
  const auto start = [&](int s, int number) {
    next_a.start(own + number * stage, k - first - s * depth, a, thread);
    next_b.start(own + number * stage + TileA::size, k - first - s * depth, b, thread);
  };
  for (int s = 0; s < stages - 1; ++s) {
    if (s < steps) start(s, s);
    end_group_of_copies();
  }
  Square square;
  double total = 0;
  const bool sums_rows = a_by_rows && row_sums.to != nullptr && blockIdx.y == 0;
#pragma unroll 1
  for (int s = 0, at = 0; s < steps; ++s) {
    wait_for_copies<stages - 2>();
    __syncthreads();
    if (s + stages - 1 < steps) start(s + stages - 1, at == 0 ? stages - 1 : at - 1);
    end_group_of_copies();
    const float *const of_a = own + at * stage, *const of_b = of_a + TileA::size;
    const typename TileA::Fragment x(of_a + TileA::square(down), lane);
    const typename TileB::Fragment y(of_b + TileB::square(across), lane);
    square.add<parts_of_factors>(x, y);
    if (sums_rows && thread < rows) {
      for (int d = 0; d < depth; ++d) total += static_cast<double>(of_a[d * TileA::step + thread]);
    }
    at = at + 1 == stages ? 0 : at + 1;
  }
  wait_for_copies<0>();
  __syncthreads();
  constexpr int step = columns + pack;
  square.put<TileA, TileB>(shared + (of_group * rows + down) * step + across, step, lane);
  if (sums_rows && thread < rows) totals[of_group][thread] = total;
  __syncthreads();
  // From here on a thread has some packs of the tile, and the first ones a row's sum.
  constexpr int packs = rows * columns / pack / Shape::threads;
  const auto element = [](int i) { return pack * (static_cast<int>(threadIdx.x) + i * Shape::threads); };
  const auto own_sums = [&](int i) { return shared + element(i) / columns * step + element(i) % columns; };
  Pack<float> all[packs];
  for (int i = 0; i < packs; ++i) {
    all[i] = pack_at(own_sums(i));
    for (int g = 1; g < Shape::groups; ++g) add(all[i], pack_at(own_sums(i) + g * rows * step));
  }
  const bool has_row = sums_rows && threadIdx.x < rows;
  if (has_row) {
    total = 0;
    for (int g = 0; g < Shape::groups; ++g) total += totals[g][threadIdx.x];
  }
  if (parts.count > 1) {
    const unsigned number = (matrix * gridDim.x + blockIdx.x) * gridDim.y + blockIdx.y;
    float* const of_tile = parts.tiles + std::size_t{number} * parts.count * rows * columns;
    double* const of_rows = parts.totals + std::size_t{blockIdx.x} * parts.count * rows + threadIdx.x;
    for (int i = 0; i < packs; ++i) store(of_tile + part * rows * columns + element(i), all[i]);
    if (has_row) of_rows[part * rows] = total;
    if (!comes_last(parts.counters + number, parts.count)) return;
    for (Pack<float>& sums : all) sums = {};
    total = 0;
    [[maybe_unused]] constexpr int sums_at_once = std::max(1, 8 / packs);
#pragma unroll sums_at_once
    for (unsigned p = 0; p < parts.count; ++p) {
      for (int i = 0; i < packs; ++i) add(all[i], pack_at(of_tile + p * rows * columns + element(i)));
      if (has_row) total += of_rows[p * rows];
    }
  }
  if (has_row && first_row + static_cast<int>(threadIdx.x) < m) {
    float& to = row_sums.to[first_row + static_cast<int>(threadIdx.x)];
    to = static_cast<float>(row_sums.accumulate ? static_cast<double>(to) + total : total);
  }
  const auto finish_pack = [&](int i, auto has_slope, const Pack<float>& sums) {
    const int row = first_row + element(i) / columns, column = first_column + element(i) % columns;
    if (row < m && column < n)
      finish_and_store<packed, !a_by_rows && b_by_rows, has_slope()>(
          c, finish, matrix * c.stride + row * c.leading + column, column, n, sums);
  };
  if constexpr (!a_by_rows && !b_by_rows) {
    if (finish.slope != nullptr) {
      for (int i = 0; i < packs; ++i) store(own_sums(i), all[i]);
#pragma unroll 1  // the formulas once, not for each pack
      for (int i = 0; i < packs; ++i) finish_pack(i, std::true_type{}, pack_at(own_sums(i)));
      return;
    }
  }
  for (int i = 0; i < packs; ++i) finish_pack(i, std::false_type{}, all[i]);
}

// Whether rows of `width` elements, `leading` apart, of all matrices go by packs.
bool is_aligned(const float* data) { return reinterpret_cast<std::uintptr_t>(data) % 16 == 0; }
bool goes_by_packs(const float* data, std::int64_t width, std::int64_t leading, std::int64_t count,
                   std::int64_t stride) {
  return is_aligned(data) && width % pack == 0 && leading % pack == 0 && (count == 1 || stride % pack == 0);
}
bool goes_by_packs(const Matrices<const float>& x, std::int64_t rows, std::int64_t columns,
                   std::int64_t count) {
  return goes_by_packs(x.data, x.transposed ? rows : columns, x.leading, count, x.stride);
}

template <typename Shape>
void run(std::int64_t count, std::int64_t m, std::int64_t n, std::int64_t k, const Matrices<const float>& a,
         const Matrices<const float>& b, const Matrices<float>& c, const Finish& finish,
         const RowSums& row_sums) {
  const unsigned rows = blocks_of(m, Shape::rows), columns = blocks_of(n, Shape::columns);
  const std::int64_t tiles = count * rows * columns;
  // About as many blocks as a large card has multiprocessors, where that spares each of them some steps: to
  // leave what a part has and to add the parts up takes as long as several.
  constexpr std::int64_t blocks = 128, of_step = depth * Shape::groups;
  Parts parts{
      static_cast<unsigned>(std::clamp<std::int64_t>(std::min(blocks / tiles, k / (2 * of_step)), 1, 64))};
  if (blocks_of(k, of_step) < blocks_of(k, of_step * parts.count) + 8) parts.count = 1;
  Buffer sums, totals;
  if (parts.count > 1) {
    sums =
        Buffer(static_cast<std::size_t>(tiles) * parts.count * Shape::rows * Shape::columns * sizeof(float),
               Device::cuda);
    parts.tiles = static_cast<float*>(sums.data());
    parts.counters = counters(static_cast<std::size_t>(tiles));
    if (row_sums.to != nullptr) {
      totals = Buffer(std::size_t{rows} * parts.count * Shape::rows * sizeof(double), Device::cuda);
      parts.totals = static_cast<double*>(totals.data());
    }
  }
  const bool packed = goes_by_packs(a, m, k, count) && goes_by_packs(b, k, n, count) &&
                      goes_by_packs(c.data, n, c.leading, count, c.stride) &&
                      is_aligned(finish.addend.data) && is_aligned(finish.bias) && is_aligned(finish.times) &&
                      is_aligned(finish.slope);
  const auto start = [&](auto a_by_rows, auto b_by_rows, auto by_packs, auto parts_of_factors) {
    using TileA = TileOfFactor<Shape::rows, Shape::group, a_by_rows(), by_packs()>;
    using TileB = TileOfFactor<Shape::columns, Shape::group, b_by_rows(), by_packs()>;
    constexpr int floats =
        Shape::groups * std::max(stages * (TileA::size + TileB::size), Shape::rows * (Shape::columns + pack));
    launch(tile_product_kernel<Shape, a_by_rows(), b_by_rows(), by_packs(), parts_of_factors()>,
           dim3(rows, columns, static_cast<unsigned>(count) * parts.count), Shape::threads,
           floats * sizeof(float), static_cast<int>(m), static_cast<int>(n), static_cast<int>(k), a, b, c,
           finish.addend, finish.bias, finish.times, finish.slope, row_sums, parts);
  };
  constexpr std::true_type yes;
  constexpr std::false_type no;
  const auto with = [&](auto by_packs, auto parts_of_factors) {
    if (a.transposed) return start(yes, yes, by_packs, parts_of_factors);
    if (b.transposed) return start(no, no, by_packs, parts_of_factors);
    start(no, yes, by_packs, parts_of_factors);
  };
  constexpr std::integral_constant<int, 3> all{};
  constexpr std::integral_constant<int, 2> two{};
  const bool rounds = rounds_to_tf32<float>();
  if (packed) return rounds ? with(yes, two) : with(yes, all);
  rounds ? with(no, two) : with(no, all);
}

}  // namespace

void tile_product(std::int64_t count, std::int64_t m, std::int64_t n, std::int64_t k,
                  const Matrices<const float>& a, const Matrices<const float>& b, const Matrices<float>& c,
                  const Finish& finish, const RowSums& row_sums) {
  if (Observer* const observer = Observer::current())
    observer->product({count, a.transposed, b.transposed, m, n, k, finish.addend.data != nullptr});
  // Large tiles read less, small ones occupy more of the card with fewer steps each. Where which is best was
  // measured on an H100, alone and beside other streams.
  const std::int64_t tiles = count * tiles_of(m, n);
  if (tiles == 0) return;
  if (tiles >= 64) return run<TileShape<2, 2, 1>>(count, m, n, k, a, b, c, finish, row_sums);
  if (tiles >= 32 || (a.transposed && tiles >= 12))
    return run<TileShape<1, 2, 2>>(count, m, n, k, a, b, c, finish, row_sums);
  run<TileShape<1, 1, 4>>(count, m, n, k, a, b, c, finish, row_sums);
}

}  // namespace lockstep::cuda
