#include "core/runtime/parallel.h"

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <mutex>
#include <numeric>
#include <optional>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "core/error.h"
#include "tests/core/refused_calls.h"

namespace lockstep {
namespace {

using Chunks = std::vector<std::pair<std::int64_t, std::int64_t>>;

Chunks chunks_of(std::int64_t n, std::int64_t grain) {
  Chunks chunks;
  std::mutex mutex;
  parallel_for(n, grain, [&](std::int64_t begin, std::int64_t end) {
    const std::lock_guard lock(mutex);
    chunks.emplace_back(begin, end);
  });
  std::sort(chunks.begin(), chunks.end());
  return chunks;
}

TEST(Parallel, ChunksCoverTheRangeInOrder) {
  EXPECT_EQ(chunks_of(10, 1), (Chunks{{0, 10}})) << "without Threads, inline";
  const Threads threads(3);
  EXPECT_EQ(chunks_of(10, 1), (Chunks{{0, 3}, {3, 6}, {6, 10}}));
  EXPECT_EQ(chunks_of(10, 5), (Chunks{{0, 5}, {5, 10}}));
  EXPECT_EQ(chunks_of(10, 6), (Chunks{{0, 10}}));
  EXPECT_EQ(chunks_of(2, 0), (Chunks{{0, 1}, {1, 2}}));
  EXPECT_EQ(chunks_of(1, 1), (Chunks{{0, 1}}));
  EXPECT_EQ(chunks_of(0, 1), Chunks{});
}

TEST(Parallel, ManyLoopsInARowLoseNothing) {
  const Threads threads(4);
  std::vector<int> count(1000);
  for (int loop = 0; loop < 5000; ++loop) {
    parallel_for(1 + loop % 1000, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) ++count[i];
    });
  }
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(count[i], 5 * (1000 - i)) << i;
}

TEST(Parallel, ChunksRunOnDifferentThreadsAndNestedLoopsInline) {
  const Threads threads(3);
  EXPECT_EQ(Threads::count(), 3);
  std::mutex mutex;
  std::set<std::thread::id> ids;
  parallel_for(3, 1, [&](std::int64_t, std::int64_t) {
    EXPECT_EQ(Threads::count(), 1);
    const auto outer = std::this_thread::get_id();
    parallel_for(100, 1, [&](std::int64_t begin, std::int64_t end) {
      EXPECT_EQ(std::this_thread::get_id(), outer);
      EXPECT_EQ(end - begin, 100);
    });
    const std::lock_guard lock(mutex);
    ids.insert(outer);
  });
  EXPECT_EQ(ids.size(), 3u);
  EXPECT_EQ(Threads::count(), 3);
}

TEST(Parallel, ThreadsBelongToAScope) {
  EXPECT_EQ(Threads::count(), 1);
  {
    const Threads outer(4);
    {
      const Threads inner(1);
      EXPECT_EQ(Threads::count(), 1);
    }
    EXPECT_EQ(Threads::count(), 4);
    std::thread([] { EXPECT_EQ(Threads::count(), 1) << "another thread has none"; }).join();
  }
  EXPECT_EQ(Threads::count(), 1);
  EXPECT_THROW(Threads(0), Error);
}

TEST(Parallel, PassesOnTheFirstChunksExceptionAndGoesOn) {
  const Threads threads(3);
  const auto message = [](std::int64_t from) -> std::string {
    try {
      parallel_for(3, 1, [&](std::int64_t begin, std::int64_t) {
        if (begin >= from) fail("chunk {}", begin);
      });
    } catch (const Error& error) {
      return error.what();
    }
    return "nothing";
  };
  EXPECT_EQ(message(0), "chunk 0");
  EXPECT_EQ(message(1), "chunk 1");
  EXPECT_EQ(message(2), "chunk 2");
  EXPECT_EQ(message(3), "nothing");
}

TEST(Parallel, RunsHaveTheirOwnThreads) {
  std::vector<std::int64_t> sums(4);
  std::vector<std::thread> runs;
  for (std::int64_t run = 0; run < 4; ++run) {
    runs.emplace_back([&, run] {
      const Threads threads(2);
      std::int64_t parts[2];
      for (int loop = 0; loop < 200; ++loop) {
        parallel_for(2, 1, [&](std::int64_t begin, std::int64_t) { parts[begin] = run + begin; });
        sums[run] += parts[0] + parts[1];
      }
    });
  }
  for (std::thread& run : runs) run.join();
  EXPECT_EQ(sums, (std::vector<std::int64_t>{200, 600, 1000, 1400}));
}

// Whether all of `body` holds in a child process, within a minute: one that hangs fails, and holds up nobody.
bool holds_in_a_child(const std::function<bool()>& body) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(60);
    _exit(body() ? 0 : 1);
  }
  int status = 1;
  return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

TEST(Parallel, WhereTheSystemGivesFewerThreadsTheyAreFewer) {
  EXPECT_TRUE(holds_in_a_child([] {
    if (!refuse_call(SYS_clone3, EAGAIN)) return false;
    const Threads threads(4);
    return Threads::count() == 1 && chunks_of(10, 1) == Chunks{{0, 10}};
  }));
}

TEST(Parallel, AChildProcessHasNoneAndMayMakeItsOwn) {
  std::optional<Threads> threads(std::in_place, 3);
  // All have started: a sanitizer holds locks of its own while it starts one, and the child would wait for
  // them.
  EXPECT_EQ(chunks_of(3, 1).size(), 3u);
  EXPECT_TRUE(holds_in_a_child([&] {
    const bool alone = Threads::count() == 1 && chunks_of(10, 1) == Chunks{{0, 10}};
    {
      const Threads own(2);
      if (chunks_of(10, 1) != Chunks{{0, 5}, {5, 10}}) return false;
    }
    threads.reset();
    return alone && Threads::count() == 1;
  }));
  EXPECT_EQ(Threads::count(), 3);
}

TEST(ParallelDeathTest, EndingOnAnotherThreadIsAMistake) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto end_elsewhere = [] {
    std::optional<Threads> threads(std::in_place, 2);
    std::thread([&] { threads.reset(); }).join();
  };
  EXPECT_DEATH(end_elsewhere(), "ended on another thread");
}

}  // namespace
}  // namespace lockstep
