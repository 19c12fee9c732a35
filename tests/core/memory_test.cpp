#include "core/runtime/memory.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <limits>
#include <map>
#include <random>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/runtime/sanitizers.h"

namespace lockstep {
namespace {

constexpr std::size_t MiB = std::size_t{1} << 20;

// A thread of its own has a cache of its own, so tests see only what they did.
template <typename F>
void on_a_new_thread(F body) {
  std::thread(body).join();
}

TEST(Memory, BlocksAreAlignedAndRoundedByAnEighthAtMost) {
  on_a_new_thread([] {
    for (const std::size_t bytes :
         {std::size_t{0}, std::size_t{1}, std::size_t{64}, std::size_t{65}, std::size_t{512},
          std::size_t{513}, std::size_t{577}, std::size_t{100'000}, MiB - 1, MiB, MiB + 1, 9 * MiB + 5}) {
      const std::int64_t before = memory_stats().active;
      const Buffer buffer(bytes);
      const std::int64_t taken = memory_stats().active - before;
      EXPECT_EQ(buffer.bytes(), bytes);
      ASSERT_NE(buffer.data(), nullptr) << bytes;
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer.data()) % 64, 0u) << bytes;
      EXPECT_GE(taken, static_cast<std::int64_t>(bytes));
      EXPECT_LE(taken, static_cast<std::int64_t>(bytes < 512 ? (bytes / 64 + 1) * 64 : bytes + bytes / 8))
          << bytes;
      std::memset(buffer.data(), 1, bytes);
    }
  });
}

TEST(Memory, ATrainingReachesASteadyState) {
  if (address_sanitizer) GTEST_SKIP() << "nothing is kept under AddressSanitizer";
  on_a_new_thread([] {
    std::mt19937 random(0);
    std::vector<std::size_t> sizes;
    for (int i = 0; i < 300; ++i) sizes.push_back(std::size_t{1} << (random() % 22));
    const auto step = [&] {
      std::vector<Buffer> live;
      for (const std::size_t size : sizes) live.emplace_back(size);
    };
    step();
    const MemoryStats first = memory_stats();
    EXPECT_EQ(first.active, 0);
    EXPECT_EQ(first.cached, first.peak_active);
    for (int i = 0; i < 3; ++i) step();
    EXPECT_EQ(memory_stats().system_allocations, first.system_allocations);
    EXPECT_EQ(memory_stats().peak_reserved, first.peak_reserved);
    release_cached();
    EXPECT_EQ(memory_stats().cached, 0);
    reset_peak();
    EXPECT_EQ(memory_stats().peak_reserved, 0);
  });
}

TEST(Memory, ALargeBlockIsReusedForNearlyItsSizeOnly) {
  if (address_sanitizer) GTEST_SKIP() << "nothing is kept under AddressSanitizer";
  on_a_new_thread([] {
    { const Buffer warm(10 * MiB), warm_too(12 * MiB); }
    const Buffer fits(9 * MiB);
    EXPECT_EQ(memory_stats().cached, static_cast<std::int64_t>(12 * MiB))
        << "the smallest that fits was taken";
    const Buffer too_small_for_it(8 * MiB);
    EXPECT_EQ(memory_stats().cached, static_cast<std::int64_t>(12 * MiB));
    EXPECT_EQ(memory_stats().system_allocations, 3);
  });
}

// As sequences of every length do: nothing of one size is of use to the next.
TEST(Memory, SizesThatDoNotComeAgainGoBackToTheSystem) {
  if (address_sanitizer) GTEST_SKIP() << "nothing is kept under AddressSanitizer";
  on_a_new_thread([] {
    const auto hold_three = [](std::size_t n) { const Buffer a(4000 * n), b(4000 * n), c(4000 * n); };
    for (std::size_t n = 1; n <= 1000; ++n) hold_three(n);
    for (std::size_t n = 1000; n > 3; n -= 3) hold_three(n);
    const MemoryStats after = memory_stats();
    EXPECT_LT(after.peak_active, static_cast<std::int64_t>(13 * MiB));
    EXPECT_LE(after.peak_reserved, after.peak_active + after.peak_active / 2);
    EXPECT_LE(after.cached, after.peak_active + after.peak_active / 2);
  });
}

// Blocks in use at once never overlap: each carries its number in every byte.
TEST(Memory, LiveBlocksDoNotOverlap) {
  on_a_new_thread([] {
    std::mt19937 random(1);
    std::map<unsigned char, Buffer> live;
    for (int i = 0; i < 5000; ++i) {
      const auto id = static_cast<unsigned char>(random() % 100);
      if (const auto found = live.find(id); found != live.end()) {
        const auto* bytes = static_cast<const unsigned char*>(found->second.data());
        const std::size_t n = found->second.bytes();
        ASSERT_TRUE(n == 0 || (bytes[0] == id && std::memcmp(bytes, bytes + 1, n - 1) == 0))
            << "block " << int{id};
        live.erase(found);
      } else {
        const std::size_t limit = random() % 20 == 0 ? 2 * MiB : 5000;
        Buffer buffer(random() % limit);
        std::memset(buffer.data(), id, buffer.bytes());
        live.emplace(id, std::move(buffer));
      }
    }
  });
}

TEST(Memory, ABufferMayDieOnAnotherThread) {
  Buffer made_here(1000);
  std::memset(made_here.data(), 1, made_here.bytes());
  on_a_new_thread([&] {
    { const Buffer dies_here = std::move(made_here); }
    EXPECT_EQ(memory_stats().cached, 0) << "a receiver does not hoard what others allocate";
    EXPECT_EQ(memory_stats().active, -1024) << "it counts where it dies";
  });
  EXPECT_EQ(made_here.data(), nullptr);
  on_a_new_thread([&] { made_here = Buffer(1000); });  // dies after the cache that it came from
}

TEST(Memory, ABufferMayOutliveItsThreadsCache) {
  on_a_new_thread([] {
    thread_local Buffer destroyed_last;  // constructed before the cache
    destroyed_last = Buffer(1000);
  });
}

TEST(Memory, SaysWhenTheSystemHasNone) {
  EXPECT_THROW(Buffer{std::numeric_limits<std::size_t>::max() / 4}, Error);
  EXPECT_THROW(Buffer{std::numeric_limits<std::size_t>::max()}, Error);
}

TEST(Memory, AThreadsLastDestructorsHaveSome) {
  static int filled = 0;
  struct Last {
    ~Last() {
      for (const std::size_t bytes : {std::size_t{100}, 3 * MiB}) {
        const Buffer buffer(bytes);
        std::memset(buffer.data(), 1, bytes);
        ++filled;
      }
    }
  };
  on_a_new_thread([] {
    thread_local Last last;  // is made before the thread's cache, and so goes after it
    [[maybe_unused]] const Last* const there = &last;
    const Buffer first(100);
  });
  EXPECT_EQ(filled, 2);
}

// Without memory for anything more, malloc's own included.
void use_up_memory() {
  std::int64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  const auto size = static_cast<rlim_t>(pages * sysconf(_SC_PAGESIZE));
  const rlimit limit{size, size};
  ASSERT_EQ(setrlimit(RLIMIT_AS, &limit), 0);
  for (std::size_t bytes = MiB; bytes >= 16; bytes /= 2) {
    while (std::malloc(bytes) != nullptr) {
    }
  }
}

// A destructor that throws ends the program: what the cache cannot note goes back to the system.
TEST(Memory, BuffersEndWhereThereIsNoMemoryToNoteThem) {
  static_assert(std::is_nothrow_destructible_v<Buffer> && std::is_nothrow_move_constructible_v<Buffer> &&
                std::is_nothrow_move_assignable_v<Buffer>);
  if (address_sanitizer || thread_sanitizer)
    GTEST_SKIP() << "sanitizers need more memory than a limit leaves";
  constexpr std::size_t count = 200;
  const auto ends = [] {
    release_cached();
    const std::int64_t before = memory_stats().active;
    std::vector<Buffer> buffers;
    for (std::size_t i = 0; i < count; ++i) buffers.emplace_back(MiB);
    use_up_memory();
    buffers.clear();
    const MemoryStats after = memory_stats();
    return after.active == before && after.cached < static_cast<std::int64_t>(count * MiB);
  };
  EXPECT_EXIT(std::_Exit(ends() ? 0 : 1), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace lockstep
