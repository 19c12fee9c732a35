#include "core/cpu/winograd.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <utility>
#include <vector>

#include "core/cpu/arrangement.h"
#include "core/cpu/simd/winograd.h"
#include "core/runtime/parallel.h"

namespace lockstep::cpu {

namespace {

constexpr std::int64_t numbers = 16;  // of a transformed tile

std::int64_t up(std::int64_t n, std::int64_t by) { return (n + by - 1) / by; }

// Of one dimension with spacing d: results remainder, remainder + d, ..., two to a tile.
std::int64_t results(std::int64_t places, std::int64_t remainder, std::int64_t d) {
  return up(places - remainder, d);
}

struct Range {
  std::int64_t begin, end;
  std::int64_t count() const { return end - begin; }
};

// Tiles whose products are formed at once: of some images, places of the first dimension, and rows of tiles
// in each remainder's convolution.
struct Block {
  Range images, slices, rows;
};

// The tiles of a block that belong to one remainder of each of the last two dimensions.
struct Part {
  std::int64_t down, along;  // the remainders
  Range rows;
  std::int64_t columns;

  std::int64_t a_slice() const { return rows.count() * columns; }
};

std::int64_t tiles_of(const ConvShape& shape, std::size_t i, std::int64_t remainder) {
  return up(results(shape.places[i], remainder, shape.spacing[i]), 2);
}

// Of dimension i, one of the last two: the convolutions that it falls into.
std::int64_t remainders(const ConvShape& shape, std::size_t i) {
  return std::min(shape.spacing[i], shape.places[i]);
}

std::int64_t tiles_of(const ConvShape& shape, std::size_t i) {
  std::int64_t sum = 0;
  for (std::int64_t r = 0; r < remainders(shape, i); ++r) sum += tiles_of(shape, i, r);
  return sum;
}

template <typename T>
struct Winograd {
  const ConvShape& shape;
  const std::int64_t m = shape.out / shape.groups, channels = shape.in / shape.groups,
                     depth = shape.window[0], x_slice = shape.size[1] * shape.size[2],
                     y_slice = shape.places[1] * shape.places[2],
                     x_image = shape.in * shape.size[0] * x_slice,
                     y_image = shape.out * shape.places[0] * y_slice;

  static Buffer buffer(std::int64_t count) { return Buffer(static_cast<std::size_t>(count) * sizeof(T)); }

  // Moves or sums of some 10 us.
  static std::int64_t grain(std::int64_t work) { return 30000 / std::max<std::int64_t>(work, 1) + 1; }

  std::vector<Part> parts(const Block& block) const {
    std::vector<Part> all;
    for (std::int64_t down = 0; down < remainders(shape, 1); ++down) {
      const std::int64_t end = std::min(block.rows.end, tiles_of(shape, 1, down));
      for (std::int64_t along = 0; along < remainders(shape, 2) && block.rows.begin < end; ++along)
        all.push_back({down, along, {block.rows.begin, end}, tiles_of(shape, 2, along)});
    }
    return all;
  }

  // Blocks of so many tiles that transformed x and y take some 8 MB.
  template <typename Body>
  void for_blocks(const Body& body) const {
    const std::int64_t most =
        std::clamp<std::int64_t>((std::int64_t{1} << 21) / (numbers * (shape.in + shape.out)), 64, 1024);
    const std::int64_t rows = tiles_of(shape, 1, 0), across = tiles_of(shape, 2) * remainders(shape, 1);
    const std::int64_t slice = rows * across,
                       slices = std::clamp<std::int64_t>(
                           most / slice, std::min<std::int64_t>(4, shape.places[0]), shape.places[0]),
                       images =
                           depth > 1 ? 1 : std::clamp<std::int64_t>(most / (slice * slices), 1, shape.images),
                       at_once = std::clamp<std::int64_t>(most / (slices * across), 1, rows);
    for (std::int64_t n = 0; n < shape.images; n += images) {
      for (std::int64_t s = 0; s < shape.places[0]; s += slices) {
        for (std::int64_t r = 0; r < rows; r += at_once)
          body(Block{{n, std::min(n + images, shape.images)},
                     {s, std::min(s + slices, shape.places[0])},
                     {r, std::min(r + at_once, rows)}});
      }
    }
  }

  // The slices of x that a block's windows reach, without those of zeros.
  Range read(const Block& block) const {
    const std::int64_t first = block.slices.begin - shape.before[0],
                       end = block.slices.end - shape.before[0] + shape.spacing[0] * (depth - 1);
    return {std::clamp<std::int64_t>(first, 0, shape.size[0]),
            std::clamp<std::int64_t>(end, 0, shape.size[0])};
  }

  // Tiles of `side` numbers as columns of a convolution with steps of two results.
  static ConvShape tiling(const ConvShape& shape, const Block& block, const Part& part, Range slices,
                          std::int64_t side) {
    ConvShape of = shape;
    of.images = block.images.count();
    of.groups = 1;
    of.window = {1, side, side};
    of.step = {1, 2 * shape.spacing[1], 2 * shape.spacing[2]};
    of.spacing = {1, shape.spacing[1], shape.spacing[2]};
    of.places = {slices.count(), part.rows.count(), part.columns};
    of.before = {-slices.begin, shape.before[1] - part.down - part.rows.begin * of.step[1],
                 shape.before[2] - part.along};
    return of;
  }

  // Calls transform(tiles of a channel, channel, first column of a part) for all channels of x or dy.
  template <typename Body>
  void for_tiles(const ConvShape& of, const Block& block, Range slices, std::int64_t side, const T* data,
                 const Body& transform) const {
    if (slices.count() == 0) return;
    std::int64_t column = 0;
    for (const Part& part : parts(block)) {
      const Arrangement arrangement(tiling(of, block, part, slices, side));
      const Buffer memory = buffer(block.images.count() * arrangement.image_size());
      T* const arranged = static_cast<T*>(memory.data());
      arrangement.arrange(arranged, data + block.images.begin * of.in * ConvShape::product(of.size),
                          block.images.count());
      const Columns<const T> all = arrangement.columns<const T>(arranged, block.images.count());
      const auto size = static_cast<std::size_t>(side * side);
      parallel_for(of.in, grain(all.count() * 4), [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t c = begin; c < end; ++c)
          transform(Columns<const T>{all.data, all.rows.subspan(static_cast<std::size_t>(c) * size, size),
                                     all.runs},
                    c, column);
      });
      column += all.count();
    }
  }

  std::int64_t tiles(const Block& block, Range slices) const {
    std::int64_t sum = 0;
    for (const Part& part : parts(block)) sum += part.a_slice();
    return sum * block.images.count() * slices.count();
  }

  // Calls body(number of columns, first one of x's, first one of y's, element of the window's first
  // dimension) for those whose products are summed.
  template <typename Body>
  void for_products(const Block& block, const Body& body) const {
    const Range from = read(block);
    if (depth == 1 && from.count() == block.slices.count())
      return body(tiles(block, from), std::int64_t{0}, std::int64_t{0}, std::int64_t{0});
    std::int64_t x = 0, y = 0;
    for (const Part& part : parts(block)) {
      const std::int64_t slice = part.a_slice();
      for (std::int64_t n = 0; n < block.images.count(); ++n) {
        for (std::int64_t w = 0; w < depth; ++w) {
          const std::int64_t ahead = w * shape.spacing[0] - shape.before[0],  // of x's slices
              first = std::max(block.slices.begin, from.begin - ahead),
                             last = std::min(block.slices.end, from.end - ahead);
          if (first < last)
            body((last - first) * slice, x + (first + ahead - from.begin) * slice,
                 y + (first - block.slices.begin) * slice, w);
        }
        x += from.count() * slice;
        y += block.slices.count() * slice;
      }
    }
  }

  // (depth, 16, out, channels)
  static Buffer transformed_weight(const ConvShape& shape, const T* weight) {
    const std::int64_t depth = shape.window[0], channels = shape.in / shape.groups,
                       size = shape.out * channels;
    Buffer memory = buffer(depth * numbers * size);
    T* const u = static_cast<T*>(memory.data());
    parallel_for(shape.out, grain(channels * depth * 10), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t w = 0; w < depth; ++w)
        winograd_of_weight(weight + (begin * channels * depth + w) * 9, depth * 9, (end - begin) * channels,
                           u + w * numbers * size + begin * channels, size);
    });
    return memory;
  }

  // Transformed weights as a product reads them: of the window's element w of the first dimension, number e,
  // and a group.
  struct Forward {
    const Winograd& of;
    const T* u;
    Factor<T> operator()(std::int64_t w, std::int64_t e, std::int64_t g) const {
      return {u + ((w * numbers + e) * of.shape.out + g * of.m) * of.channels, of.channels, 1};
    }
  };
  // With reversed windows, and channels exchanged: G g G^T of a reversed g has its numbers in another order.
  struct Reversed {
    const Winograd& of;
    const T* u;
    Factor<T> operator()(std::int64_t w, std::int64_t e, std::int64_t g) const {
      constexpr std::array<std::int64_t, 4> order = {3, 1, 2, 0};
      const std::int64_t number =
          order[static_cast<std::size_t>(e / 4)] * 4 + order[static_cast<std::size_t>(e % 4)];
      return {u + (((of.depth - 1 - w) * numbers + number) * of.shape.in + g * of.channels) * of.m, 1, of.m};
    }
  };

  template <class Weight>
  bool forward(T* y, const T* x, const Weight& weight, const T* bias) const {
    std::atomic<bool> finite = true;
    for_blocks([&](const Block& block) {
      const Range slices = read(block);
      const std::int64_t n = tiles(block, slices), n_y = tiles(block, block.slices);
      const Buffer of_x = buffer(numbers * shape.in * n), of_y = buffer(numbers * shape.out * n_y);
      T *const v = static_cast<T*>(of_x.data()), *const products = static_cast<T*>(of_y.data());
      for_tiles(shape, block, slices, 4, x,
                [&](const Columns<const T>& tiles, std::int64_t c, std::int64_t at) {
                  winograd_of_x(tiles, v + c * n + at, shape.in * n);
                });
      multiply(weight, v, n, products, n_y, block);
      if (!store(y, products, n_y, bias, block)) finite = false;
    });
    return finite;
  }

  // products (16, out, n_y) = u v
  template <class Weight>
  void multiply(const Weight& weight, const T* v, std::int64_t n, T* products, std::int64_t n_y,
                const Block& block) const {
    const bool whole = depth == 1 && n == n_y;
    parallel_for(numbers * shape.groups, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t e = i / shape.groups, g = i % shape.groups;
        T* const to = products + (e * shape.out + g * m) * n_y;
        if (!whole) std::fill_n(to, m * n_y, T(0));
        for_products(block, [&](std::int64_t count, std::int64_t at_x, std::int64_t at_y, std::int64_t w) {
          product<T>(m, count, channels, weight(w, e, g),
                     {v + (e * shape.in + g * channels) * n + at_x, n, 1}, !whole, to + at_y, n_y, nullptr);
        });
      }
    });
  }

  bool store(T* y, const T* products, std::int64_t n, const T* bias, const Block& block) const {
    const std::vector<Part> all = parts(block);
    std::atomic<bool> finite = true;
    parallel_for(shape.out, grain(n * 4), [&](std::int64_t begin, std::int64_t end) {
      bool good = true;
      for (std::int64_t o = begin; o < end; ++o) {
        const T* from = products + o * n;
        for (const Part& part : all) {
          const std::int64_t down = shape.spacing[1], along = shape.spacing[2],
                             height = std::min(2 * part.rows.end, results(shape.places[1], part.down, down)) -
                                      2 * part.rows.begin,
                             width = results(shape.places[2], part.along, along);
          for (std::int64_t i = block.images.begin; i < block.images.end; ++i) {
            for (std::int64_t s = block.slices.begin; s < block.slices.end; ++s) {
              T* const to = y + i * y_image + (o * shape.places[0] + s) * y_slice +
                            (part.down + 2 * part.rows.begin * down) * shape.places[2] + part.along;
              good &= winograd_to_y<T>(from, shape.out * n, bias == nullptr ? T(0) : bias[o],
                                       {to, height, width, down * shape.places[2], along});
              from += part.a_slice();
            }
          }
        }
      }
      if (!good) finite = false;
    });
    return finite;
  }

  bool backward_weight(T* dweight, const T* dy, const T* x) const {
    const std::int64_t size = shape.out * channels;
    const Buffer of_weight = buffer(depth * numbers * size);
    T* const du = static_cast<T*>(of_weight.data());
    std::fill_n(du, depth * numbers * size, T(0));
    ConvShape of_dy = shape;
    of_dy.in = shape.out;
    of_dy.size = shape.places;
    of_dy.before = {0, 0, 0};
    for_blocks([&](const Block& block) {
      const Range slices = read(block);
      const std::int64_t n = tiles(block, slices), n_y = tiles(block, block.slices);
      const Buffer of_x = buffer(numbers * shape.in * n), of_y = buffer(numbers * shape.out * n_y);
      T *const v = static_cast<T*>(of_x.data()), *const d = static_cast<T*>(of_y.data());
      for_tiles(shape, block, slices, 4, x,
                [&](const Columns<const T>& tiles, std::int64_t c, std::int64_t at) {
                  winograd_of_x(tiles, v + c * n + at, shape.in * n);
                });
      for_tiles(of_dy, block, block.slices, 2, dy,
                [&](const Columns<const T>& tiles, std::int64_t o, std::int64_t at) {
                  winograd_of_dy(tiles, d + o * n_y + at, shape.out * n_y);
                });
      parallel_for(numbers * shape.groups, 1, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) {
          const std::int64_t e = i / shape.groups, g = i % shape.groups;
          for_products(block, [&](std::int64_t count, std::int64_t at_x, std::int64_t at_y, std::int64_t w) {
            product<T>(m, channels, count, {d + (e * shape.out + g * m) * n_y + at_y, n_y, 1},
                       {v + (e * shape.in + g * channels) * n + at_x, 1, n}, true,
                       du + ((w * numbers + e) * shape.out + g * m) * channels, channels, nullptr);
          });
        }
      });
    });
    std::atomic<bool> finite = true;
    parallel_for(shape.out, grain(channels * depth * 10), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t w = 0; w < depth; ++w) {
        if (!winograd_to_weight(du + w * numbers * size + begin * channels, size, (end - begin) * channels,
                                dweight + (begin * channels * depth + w) * 9, depth * 9))
          finite = false;
      }
    });
    return finite;
  }
};

}  // namespace

bool winograd_suits(const ConvShape& shape) {
  constexpr std::int64_t few_channels = 32, few_tiles = 48;
  bool all =
      has_product() && std::min(shape.in, shape.out) / shape.groups >= few_channels && shape.step[0] == 1;
  for (std::size_t i = 1; i < 3; ++i) all = all && shape.window[i] == 3 && shape.step[i] == 1;
  if (!all) return false;
  const std::int64_t slice = tiles_of(shape, 1) * tiles_of(shape, 2),
                     at_once = slice * shape.places[0] * (shape.window[0] > 1 ? 1 : shape.images);
  // Of plain sums a place has 9; tiles at the end may be half empty, and transforms take their time.
  return at_once >= few_tiles && 4 * numbers * slice <= 3 * 9 * shape.places[1] * shape.places[2];
}

bool winograd_suits_backward_x(const ConvShape& shape) {
  bool all = winograd_suits(shape);
  for (std::size_t i = 0; i < 3; ++i)
    all = all && shape.before[i] <= shape.spacing[i] * (shape.window[i] - 1);
  return all && winograd_suits(transposed(shape));
}

template <typename T>
bool winograd_forward(const ConvShape& shape, T* y, const T* x, const T* weight, const T* bias) {
  const Winograd<T> of{shape};
  const Buffer u = of.transformed_weight(shape, weight);
  return of.forward(y, x, typename Winograd<T>::Forward{of, static_cast<const T*>(u.data())}, bias);
}

template <typename T>
bool winograd_backward_x(const ConvShape& shape, T* dx, const T* dy, const T* weight) {
  const ConvShape back = transposed(shape);
  const Winograd<T> of{back};
  const Buffer u = of.transformed_weight(shape, weight);
  return of.forward(dx, dy, typename Winograd<T>::Reversed{of, static_cast<const T*>(u.data())}, nullptr);
}

template <typename T>
bool winograd_backward_weight(const ConvShape& shape, T* dweight, const T* dy, const T* x) {
  return Winograd<T>{shape}.backward_weight(dweight, dy, x);
}

template bool winograd_forward(const ConvShape&, float*, const float*, const float*, const float*);
template bool winograd_forward(const ConvShape&, double*, const double*, const double*, const double*);
template bool winograd_backward_x(const ConvShape&, float*, const float*, const float*);
template bool winograd_backward_x(const ConvShape&, double*, const double*, const double*);
template bool winograd_backward_weight(const ConvShape&, float*, const float*, const float*);
template bool winograd_backward_weight(const ConvShape&, double*, const double*, const double*);

}  // namespace lockstep::cpu
