#include "core/random/keyed_tile.h"

#include <cmath>

#include "core/random/keyed_math.h"
#include "core/random/philox.h"

// Highway compiles this file once for every vector width and picks one when the program runs. The loops are
// plain ones that the compiler vectorises: every width then computes the one formula, so the bits are the
// same on any processor.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/random/keyed_tile.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace lockstep::keyed::HWY_NAMESPACE {

// The four words of each block, each in an array of its own.
struct Planes {
  std::array<std::uint32_t, tile_blocks> x0, x1, x2, x3;

  Planes(const Counter& counter, std::uint64_t first_block) {
    for (std::uint64_t b = 0; b < tile_blocks; ++b) {
      x0[b] = static_cast<std::uint32_t>(first_block + b);
      x1[b] = static_cast<std::uint32_t>((first_block + b) >> 32);
    }
    x2.fill(static_cast<std::uint32_t>(counter.seed));
    x3.fill(static_cast<std::uint32_t>(counter.seed >> 32));
    PhiloxKey key{static_cast<std::uint32_t>(counter.key), static_cast<std::uint32_t>(counter.key >> 32)};
    for (int round = 0; round < 10; ++round, key = philox4x32_next_key(key)) {
      for (std::uint64_t b = 0; b < tile_blocks; ++b) {
        const PhiloxBlock next = philox4x32_round({x0[b], x1[b], x2[b], x3[b]}, key);
        x0[b] = next[0], x1[b] = next[1], x2[b] = next[2], x3[b] = next[3];
      }
    }
  }

  std::uint64_t even_bits(std::uint64_t b) const { return x0[b] | std::uint64_t{x1[b]} << 32; }
  std::uint64_t odd_bits(std::uint64_t b) const { return x2[b] | std::uint64_t{x3[b]} << 32; }
};

void words(const Counter& counter, std::uint64_t first_block, WordTile& tile) {
  const Planes planes(counter, first_block);
  for (std::uint64_t b = 0; b < tile_blocks; ++b) {
    tile[4 * b] = planes.x0[b], tile[4 * b + 1] = planes.x1[b];
    tile[4 * b + 2] = planes.x2[b], tile[4 * b + 3] = planes.x3[b];
  }
}

void bits(const Counter& counter, std::uint64_t first_block, BitsTile& tile) {
  const Planes planes(counter, first_block);
  for (std::uint64_t b = 0; b < tile_blocks; ++b)
    tile[2 * b] = planes.even_bits(b), tile[2 * b + 1] = planes.odd_bits(b);
}

void uniforms(const Counter& counter, std::uint64_t first_block, DoubleTile& tile) {
  const Planes planes(counter, first_block);
  for (std::uint64_t b = 0; b < tile_blocks; ++b) {
    tile[2 * b] = unit_uniform(planes.even_bits(b)), tile[2 * b + 1] = unit_uniform(planes.odd_bits(b));
  }
}

void normals(const Counter& counter, std::uint64_t first_block, DoubleTile& tile) {
  const Planes planes(counter, first_block);
  for (std::uint64_t b = 0; b < tile_blocks; ++b) {
    const double radius = std::sqrt(radius_squared(unit_uniform(planes.even_bits(b))));
    const Direction d = direction(unit_uniform(planes.odd_bits(b)));
    tile[2 * b] = radius * d.cosine, tile[2 * b + 1] = radius * d.sine;
  }
}

}  // namespace lockstep::keyed::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lockstep::keyed {

HWY_EXPORT(words);
HWY_EXPORT(bits);
HWY_EXPORT(uniforms);
HWY_EXPORT(normals);

void words(const Counter& counter, std::uint64_t first_block, WordTile& tile) {
  HWY_DYNAMIC_DISPATCH(words)(counter, first_block, tile);
}
void bits(const Counter& counter, std::uint64_t first_block, BitsTile& tile) {
  HWY_DYNAMIC_DISPATCH(bits)(counter, first_block, tile);
}
void uniforms(const Counter& counter, std::uint64_t first_block, DoubleTile& tile) {
  HWY_DYNAMIC_DISPATCH(uniforms)(counter, first_block, tile);
}
void normals(const Counter& counter, std::uint64_t first_block, DoubleTile& tile) {
  HWY_DYNAMIC_DISPATCH(normals)(counter, first_block, tile);
}

}  // namespace lockstep::keyed
#endif
