#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace lockstep {

// Facts about the machine, as far as this process may use it: its affinity and its control groups count.
struct SystemInfo {
  std::string processor;              // "AMD EPYC 9V74"
  std::vector<std::string> vectors;   // the instruction sets that matter here: "avx2", "fma", "avx512f", ...
  int logical_cores = 1;              // that this process may run on
  int physical_cores = 1;             // the same without their second hardware threads
  double cpu_quota = 0;               // cores' worth of time that a control group allows; 0: no limit
  std::int64_t memory_total = 0;      // bytes; a control group's limit, if that is less
  std::int64_t memory_available = 0;  // bytes
  std::string huge_pages;             // transparent ones: "always", "madvise", "never"; empty: unknown
  std::string system;                 // "Debian GNU/Linux 12 (bookworm), Linux 6.1.0"
  std::string compiler;               // "GCC 12.2.0"
  bool optimised = false;             // built with -O1 or more
};

SystemInfo system_info();

// How many threads can run at once: logical cores, or fewer if there is a quota.
int usable_cores();

// The most memory that this process ever had (Linux: VmHWM), and what it has now, in bytes; 0 where /proc
// does not say.
std::int64_t peak_resident_bytes();
std::int64_t resident_bytes();

// How many threads of the whole machine want to run, averaged over a minute.
double load_average();

}  // namespace lockstep
