#include "core/runtime/huge_pages.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <random>
#include <thread>
#include <vector>

namespace lockstep {
namespace {

constexpr std::size_t page = 4096, mebibyte = std::size_t{1} << 20;

TEST(HugePages, WhatIsGivenBackIsHandedOutAgainAndReadsAsZero) {
  void* const first = map_pages(mebibyte);
  void* const second = map_pages(mebibyte);
  void* const third = map_pages(mebibyte);
  ASSERT_TRUE(first != nullptr && second != nullptr && third != nullptr);
  for (void* block : {first, second, third}) std::memset(block, 7, mebibyte);
  unmap_pages(second, mebibyte);
  void* const half = map_pages(mebibyte / 2);
  EXPECT_LE(half, second) << "the first hole that fits";
  const auto* const bytes = static_cast<const unsigned char*>(half);
  EXPECT_TRUE(std::all_of(bytes, bytes + mebibyte / 2, [](unsigned char byte) { return byte == 0; }))
      << "its memory went back to the system";
  EXPECT_EQ(static_cast<const unsigned char*>(first)[mebibyte - 1], 7);
  EXPECT_EQ(*static_cast<const unsigned char*>(third), 7);
  unmap_pages(half, mebibyte / 2);
  void* const whole = map_pages(mebibyte);
  EXPECT_LE(whole, second) << "holes that touch are one";
  for (void* block : {first, whole, third}) unmap_pages(block, mebibyte);
}

// Blocks in use never overlap, whoever maps them, and a region may be given back while others go on: each
// block carries its own address at both ends.
TEST(HugePages, ThreadsMapAndUnmapAtOnce) {
  const auto work = [](std::uint32_t seed) {
    struct Block {
      std::uintptr_t* data;
      std::size_t bytes;
      std::uintptr_t& last() const { return data[bytes / sizeof(std::uintptr_t) - 1]; }
    };
    std::mt19937 random(seed);
    std::vector<Block> live;
    for (int i = 0; i < 2000; ++i) {
      if (live.size() > 20 || (!live.empty() && random() % 2 == 0)) {
        std::swap(live[random() % live.size()], live.back());
        const Block block = live.back();
        live.pop_back();
        ASSERT_EQ(block.data[0], reinterpret_cast<std::uintptr_t>(block.data));
        ASSERT_EQ(block.last(), block.data[0] + 1);
        unmap_pages(block.data, block.bytes);
      } else {
        const std::size_t bytes = page * (1 + random() % (random() % 10 == 0 ? 20'000 : 500));
        Block block{static_cast<std::uintptr_t*>(map_pages(bytes)), bytes};
        ASSERT_NE(block.data, nullptr);
        block.data[0] = reinterpret_cast<std::uintptr_t>(block.data);
        block.last() = block.data[0] + 1;
        live.push_back(block);
      }
    }
    for (const Block& block : live) unmap_pages(block.data, block.bytes);
  };
  std::vector<std::jthread> threads;
  for (std::uint32_t seed = 0; seed < 3; ++seed) threads.emplace_back(work, seed);
}

TEST(HugePages, SayWhereThereIsNoMemory) { EXPECT_EQ(map_pages(std::size_t{1} << 60), nullptr); }

}  // namespace
}  // namespace lockstep
