#pragma once

#include <array>
#include <cstdint>

// The inner loops of KeyedStream's fills: tiles of 64 consecutive Philox blocks, with the widest vectors of
// the processor.
namespace lockstep::keyed {

struct Counter {
  std::uint64_t seed, key;
};

inline constexpr std::uint64_t tile_blocks = 64;
using WordTile = std::array<std::uint32_t, 4 * tile_blocks>;
using BitsTile = std::array<std::uint64_t, 2 * tile_blocks>;
using DoubleTile = std::array<double, 2 * tile_blocks>;

// What the blocks first_block, first_block + 1, ... give, in the order of their indices.
void words(const Counter& counter, std::uint64_t first_block, WordTile& tile);
void bits(const Counter& counter, std::uint64_t first_block, BitsTile& tile);
void uniforms(const Counter& counter, std::uint64_t first_block, DoubleTile& tile);
void normals(const Counter& counter, std::uint64_t first_block, DoubleTile& tile);

}  // namespace lockstep::keyed
