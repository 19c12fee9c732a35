#pragma once

#include <cstdint>

#include "core/cpu/simd/columns.h"

// What stands around the products of Winograd's minimal filtering F(2 x 2, 3 x 3) (Lavin and Gray 2015,
// "Fast algorithms for convolutional neural networks"): four neighbouring results of a 3 x 3 window g over a
// tile d of 4 x 4 are
//
//     y = A^T ((G g G^T) o (B^T d B)) A,    16 multiplications in place of 36.
//
// A transformed window or tile has 16 numbers, `apart` from each other, those of neighbouring tiles or
// windows side by side.
namespace lockstep::cpu {

// B^T d B of one channel's tiles: the 16 rows of `tiles` are the elements of d, its columns the tiles.
template <typename T>
void winograd_of_x(const Columns<const T>& tiles, T* v, std::int64_t apart);

// A dy A^T of one channel's tiles: the 4 rows of `tiles` are the elements of dy (2 x 2).
template <typename T>
void winograd_of_dy(const Columns<const T>& tiles, T* v, std::int64_t apart);

// G g G^T of `count` windows, which begin `distance` numbers after each other.
template <typename T>
void winograd_of_weight(const T* windows, std::int64_t distance, std::int64_t count, T* u,
                        std::int64_t apart);

// Where the results of rows of tiles go: (height, width) numbers of y, `step` apart in a row, the rows
// `row_distance` apart. The last tiles of a row, and those of the last row, may be half outside.
template <typename T>
struct TileResults {
  T* y;
  std::int64_t height, width, row_distance, step;

  std::int64_t columns() const { return (width + 1) / 2; }  // of tiles
  std::int64_t tiles() const { return (height + 1) / 2 * columns(); }
};

// A^T m A + bias of the tiles of `to`. Whether all of it is finite.
template <typename T>
bool winograd_to_y(const T* m, std::int64_t apart, T bias, const TileResults<T>& to);

// G^T u G, the gradient of `count` windows. Whether all of it is finite.
template <typename T>
bool winograd_to_weight(const T* u, std::int64_t apart, std::int64_t count, T* windows,
                        std::int64_t distance);

}  // namespace lockstep::cpu
