#include "core/runtime/system.h"

#include <fmt/format.h>
#include <sched.h>
#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <set>
#include <sstream>
#include <string_view>
#include <thread>
#include <utility>

namespace lockstep {

namespace {

constexpr std::int64_t unlimited = std::numeric_limits<std::int64_t>::max();

// What stands after "key" and a ':' or '=' in a file of such lines; empty if there is none.
std::string field(const std::string& path, std::string_view key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const std::size_t mark = line.find_first_of(":=");
    if (mark == std::string::npos ||
        std::string_view(line).substr(0, line.find_last_not_of(" \t", mark - 1) + 1) != key) {
      continue;
    }
    const std::size_t begin = line.find_first_not_of(" \t\"", mark + 1);
    if (begin == std::string::npos) return {};
    return line.substr(begin, line.find_last_not_of(" \t\"") - begin + 1);
  }
  return {};
}

// The leading number of a "12345 kB" field of /proc, in bytes.
std::int64_t bytes_field(const std::string& path, std::string_view key) {
  return 1024 * std::strtoll(field(path, key).c_str(), nullptr, 10);
}

std::vector<std::string> words_of(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> words;
  for (std::string word; file >> word;) words.push_back(word);
  return words;
}

// The word in brackets, "madvise" of "always [madvise] never"; empty if there is none.
std::string chosen_word(const std::string& path) {
  for (const std::string& word : words_of(path)) {
    if (word.size() > 2 && word.front() == '[' && word.back() == ']') return word.substr(1, word.size() - 2);
  }
  return {};
}

// A number, or `unlimited` for "max", "-1" and a missing one.
std::int64_t limit_of(const std::vector<std::string>& words, std::size_t index) {
  std::int64_t value = -1;
  if (index < words.size())
    std::from_chars(words[index].data(), words[index].data() + words[index].size(), value);
  return value < 0 ? unlimited : value;
}

struct Limits {
  double cores = std::numeric_limits<double>::infinity();
  std::int64_t memory = unlimited;
};

// The tightest limits of this process's control groups, version 1 or 2, and of the groups around them.
Limits control_group_limits() {
  Limits limits;
  const auto tighten = [&](std::int64_t quota, std::int64_t period, std::int64_t memory) {
    if (quota != unlimited && period != unlimited && period > 0) {
      limits.cores = std::min(limits.cores, static_cast<double>(quota) / static_cast<double>(period));
    }
    limits.memory = std::min(limits.memory, memory);
  };
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {  // "4:memory:/path"; version 2: "0::/path"
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    std::filesystem::path path = line.substr(second + 1);
    const std::string root = "/sys/fs/cgroup" + (controllers.empty() ? "" : "/" + controllers);
    for (;; path = path.parent_path()) {
      const std::string group = root + path.string() + "/";
      const std::vector<std::string> v2 = words_of(group + "cpu.max");
      tighten(limit_of(v2, 0), limit_of(v2, 1), limit_of(words_of(group + "memory.max"), 0));
      tighten(limit_of(words_of(group + "cpu.cfs_quota_us"), 0),
              limit_of(words_of(group + "cpu.cfs_period_us"), 0),
              limit_of(words_of(group + "memory.limit_in_bytes"), 0));
      if (!path.has_relative_path()) break;
    }
  }
  return limits;
}

std::vector<int> usable_processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> processors;
  if (sched_getaffinity(0, sizeof set, &set) == 0) {
    for (int i = 0; i < CPU_SETSIZE; ++i) {
      if (CPU_ISSET(i, &set)) processors.push_back(i);
    }
  }
  if (processors.empty()) {  // more than CPU_SETSIZE of them
    for (unsigned i = 0; i < std::max(std::thread::hardware_concurrency(), 1u); ++i)
      processors.push_back(static_cast<int>(i));
  }
  return processors;
}

int count_physical(const std::vector<int>& processors) {
  std::set<std::pair<std::string, std::string>> cores;
  for (const int i : processors) {
    const std::string topology = fmt::format("/sys/devices/system/cpu/cpu{}/topology/", i);
    const std::vector<std::string> package = words_of(topology + "physical_package_id"),
                                   core = words_of(topology + "core_id");
    if (package.empty() || core.empty()) return static_cast<int>(processors.size());
    cores.emplace(package[0], core[0]);
  }
  return static_cast<int>(cores.size());
}

std::vector<std::string> vector_instructions() {
  constexpr std::array interesting = {"sse4_2",      "avx",         "avx2",        "fma",      "f16c",
                                      "avx512f",     "avx512dq",    "avx512bw",    "avx512vl", "avx512cd",
                                      "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_tile", "amx_bf16",
                                      "asimd",       "asimddp",     "sve",         "sve2",     "bf16"};
  std::string flags = field("/proc/cpuinfo", "flags");
  if (flags.empty()) flags = field("/proc/cpuinfo", "Features");
  std::istringstream words(flags);
  std::set<std::string> present;
  for (std::string word; words >> word;) present.insert(word);
  std::vector<std::string> found;
  std::copy_if(interesting.begin(), interesting.end(), std::back_inserter(found),
               [&](const char* name) { return present.count(name) != 0; });
  return found;
}

std::string operating_system() {
  utsname kernel{};
  const std::string distribution = field("/etc/os-release", "PRETTY_NAME");
  std::string name = uname(&kernel) == 0 ? fmt::format("{} {}", kernel.sysname, kernel.release) : "unknown";
  return distribution.empty() ? name : distribution + ", " + name;
}

}  // namespace

SystemInfo system_info() {
  SystemInfo info;
  const std::vector<int> processors = usable_processors();
  const Limits limits = control_group_limits();
  info.processor = field("/proc/cpuinfo", "model name");
  if (info.processor.empty()) info.processor = "unknown";
  info.vectors = vector_instructions();
  info.logical_cores = static_cast<int>(processors.size());
  info.physical_cores = count_physical(processors);
  if (std::isfinite(limits.cores)) info.cpu_quota = limits.cores;
  info.memory_total = std::min(bytes_field("/proc/meminfo", "MemTotal"), limits.memory);
  info.memory_available = std::min(bytes_field("/proc/meminfo", "MemAvailable"), limits.memory);
  info.huge_pages = chosen_word("/sys/kernel/mm/transparent_hugepage/enabled");
  info.system = operating_system();
#if defined(__clang__)
  info.compiler = fmt::format("Clang {}.{}.{}", __clang_major__, __clang_minor__, __clang_patchlevel__);
#elif defined(__GNUC__)
  info.compiler = fmt::format("GCC {}.{}.{}", __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__);
#endif
#if defined(__OPTIMIZE__)
  info.optimised = true;
#endif
  return info;
}

int usable_cores() {
  const double cores =
      std::min(static_cast<double>(usable_processors().size()), control_group_limits().cores);
  return std::max(1, static_cast<int>(std::floor(cores)));
}

std::int64_t peak_resident_bytes() { return bytes_field("/proc/self/status", "VmHWM"); }

std::int64_t resident_bytes() { return bytes_field("/proc/self/status", "VmRSS"); }

double load_average() {
  double load = 0;
  return getloadavg(&load, 1) == 1 ? load : 0;
}

}  // namespace lockstep
