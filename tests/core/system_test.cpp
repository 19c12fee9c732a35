#include "core/runtime/system.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mman.h>

#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "core/cpu/peak.h"
#include "core/runtime/sanitizers.h"

namespace lockstep {
namespace {

TEST(System, KnowsTheMachine) {
  const SystemInfo info = system_info();
  EXPECT_FALSE(info.processor.empty());
  EXPECT_GE(info.logical_cores, info.physical_cores);
  EXPECT_GE(info.physical_cores, 1);
  EXPECT_LE(usable_cores(), info.logical_cores);
  EXPECT_GT(info.memory_available, 1 << 20);
  EXPECT_GE(info.memory_total, info.memory_available);
  EXPECT_NE(info.system.find("Linux"), std::string::npos);
  EXPECT_FALSE(info.compiler.empty());
}

TEST(System, RespectsTheAffinity) {
  int cores = 0;
  std::thread([&] {  // affinity belongs to a thread
    cpu_set_t first;
    ASSERT_EQ(sched_getaffinity(0, sizeof first, &first), 0);
    for (int i = 0, found = 0; i < CPU_SETSIZE; ++i) {
      if (CPU_ISSET(i, &first) && found++ > 0) CPU_CLR(i, &first);
    }
    ASSERT_EQ(sched_setaffinity(0, sizeof first, &first), 0);
    cores = usable_cores();
  })
      .join();
  EXPECT_EQ(cores, 1);
}

TEST(System, SeesMemoryGrow) {
  const std::int64_t before = resident_bytes(), peak_before = peak_resident_bytes();
  constexpr std::int64_t size = 64 << 20;
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  std::memset(memory, 1, size);
  EXPECT_GE(resident_bytes() - before, size * 9 / 10);
  EXPECT_GE(peak_resident_bytes(), std::max(peak_before, resident_bytes()));
  munmap(memory, size);
}

TEST(Peak, IsThatOfAProcessorAndHalfAsMuchForDoubles) {
  if constexpr (address_sanitizer || thread_sanitizer) GTEST_SKIP() << "slowed down, and not optimised";
  const double f32 = cpu::peak_flops<float>(), f64 = cpu::peak_flops<double>();
  EXPECT_GT(f32, 1e9);
  EXPECT_LT(f32, 2e12);
  EXPECT_NEAR(f32 / f64, 2, 1) << "f32 " << f32 << ", f64 " << f64;
}

}  // namespace
}  // namespace lockstep
