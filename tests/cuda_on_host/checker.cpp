#include "tests/cuda_on_host/checker.h"

#include <dlfcn.h>
#include <link.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <set>
#include <stdexcept>
#include <vector>

#include "tests/cuda_on_host/device_memory.h"

namespace cuda_on_host {
namespace {

constexpr std::uint32_t of_warp = 1u << 30, many = 1u << 31;

Region shared_static, shared_dynamic, arguments_region, stack_region, constants;
std::vector<Cell> static_cells, dynamic_cells;
const Access* running = nullptr;  // null outside of kernels
Launch current;
std::uint32_t time_now = 1, launch_start = 1, block_start = 1;
std::map<std::pair<Address, std::uint32_t>, std::uint32_t> released;  // by counter and block
std::vector<std::string> found;
std::set<std::pair<Address, int>> known;

enum Kind {
  other,
  write_write,
  read_write,
  write_read,
  beyond,
  unwritten,
  unwritten_shared,
  misaligned,
  host
};

// "file.cu:12 (kernel)" of an instruction, by binutils.
std::string place_of(Address pc) {
  Dl_info info;
  if (dladdr(reinterpret_cast<void*>(pc), &info) == 0) return "an unknown place";
  char text[1024];
  std::snprintf(text, sizeof text, "addr2line -s -f -C -p -e %s 0x%zx", info.dli_fname,
                pc - reinterpret_cast<Address>(info.dli_fbase));
  FILE* const pipe = popen(text, "r");
  std::string line =
      pipe != nullptr && std::fgets(text, sizeof text, pipe) != nullptr ? text : "an unknown place\n";
  if (pipe != nullptr) pclose(pipe);
  line.pop_back();
  return line;
}

std::uint32_t threads_in_block() { return current.block.x * current.block.y * current.block.z; }
std::uint32_t warp_of(std::uint32_t thread) {
  return (thread - 1) / threads_in_block() * 32 + (thread - 1) % threads_in_block() / 32;
}

void report_access(Kind kind, const char* what, Address pc, std::size_t bytes) {
  if (!known.emplace(pc, kind).second) return;
  found.push_back(std::string(what) + ", " + std::to_string(bytes) + " bytes at " + place_of(pc - 1) +
                  ", by thread " + std::to_string((running->thread - 1) % threads_in_block()) + " of block " +
                  std::to_string(running->block));
}

// Whether what `other` did at `time` comes before what the running thread does now.
bool is_ordered(std::uint32_t other, std::uint32_t time) {
  if (time < launch_start || other == running->thread) return true;
  if (other == many) return time < running->block_order;
  const bool is_warp = (other & of_warp) != 0;
  const std::uint32_t warp = is_warp ? other & ~of_warp : warp_of(other);
  const std::uint32_t block = is_warp ? warp / 32 : (other - 1) / threads_in_block();
  if (block != running->block) {
    const auto release = released.find({running->seen, block});
    return running->seen != 0 && release != released.end() && time < release->second;
  }
  return time < (warp == running->warp ? running->warp_order : running->block_order);
}

void check_race(bool write, Cell& cell, Address pc, std::size_t bytes) {
  if (!is_ordered(cell.writer, cell.write_time)) {
    write ? report_access(write_write, "race: written twice", pc, bytes)
          : report_access(read_write, "race: read while another thread writes", pc, bytes);
  }
  if (write) {
    if (!is_ordered(cell.reader, cell.read_time))
      report_access(write_read, "race: written while another thread reads", pc, bytes);
    cell.writer = running->thread, cell.write_time = time_now;
    return;
  }
  std::uint32_t reader = running->thread;
  if (!is_ordered(cell.reader, cell.read_time)) {
    const bool same_warp =
        cell.reader != many &&
        ((cell.reader & of_warp) != 0 ? cell.reader & ~of_warp : warp_of(cell.reader)) == running->warp;
    reader = same_warp ? of_warp + running->warp : many;
  }
  cell.reader = reader, cell.read_time = time_now;
}

void check_device(bool write, Address a, std::size_t bytes, Address pc) {
  if (!is_allocated(a, bytes)) return report_access(beyond, "beyond an allocation", pc, bytes);
  if (!write && !is_written(a, bytes))
    return report_access(unwritten, "read of device memory that nobody wrote", pc, bytes);
  if (write) mark_written(a, bytes);
  if (bytes < 4) return;  // a word's cell cannot tell its bytes apart
  for (std::size_t word = (a - device_memory().begin) / 4;
       word <= (a + bytes - 1 - device_memory().begin) / 4; ++word)
    check_race(write, word_cells()[word], pc, bytes);
}

void check_shared(bool write, std::vector<Cell>& cells, Address begin, Address a, std::size_t bytes,
                  Address pc) {
  for (std::size_t word = (a - begin) / 4; word <= (a + bytes - 1 - begin) / 4; ++word) {
    Cell& cell = cells[word];
    if (cell.read_time < block_start) cell.reader = cell.read_time = 0;
    if (cell.write_time < block_start) cell.writer = cell.write_time = 0;
    if (!write && cell.write_time == 0)
      report_access(unwritten_shared, "read of shared memory that nobody wrote", pc, bytes);
    check_race(write, cell, pc, bytes);
  }
}

// Of the program itself: its thread-local memory stands for static shared memory.
int find_regions(dl_phdr_info* info, std::size_t, void*) {
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const auto& header = info->dlpi_phdr[i];
    if (header.p_type == PT_TLS) {
      const auto begin = reinterpret_cast<Address>(info->dlpi_tls_data);
      shared_static = {begin & ~Address{3}, begin + header.p_memsz};
    }
    const Address begin = info->dlpi_addr + header.p_vaddr;
    if (header.p_type == PT_LOAD && (header.p_flags & PF_W) == 0)
      constants = {constants.begin == 0 ? begin : std::min(constants.begin, begin),
                   std::max(constants.end, begin + header.p_memsz)};
  }
  return 1;
}

void check_limit(std::size_t value, std::size_t least, std::size_t most, const char* what) {
  if (value < least || value > most)
    throw std::runtime_error("launch: " + std::to_string(value) + " " + what + ", the limit is " +
                             std::to_string(most));
}

}  // namespace

void check_launch(const Launch& l) {
  check_limit(std::size_t{l.block.x} * l.block.y * l.block.z, 1, 1024, "threads in a block");
  check_limit(l.block.z, 1, 64, "threads along z");
  check_limit(l.grid.x, 1, 2147483647, "blocks along x");
  check_limit(l.grid.y, 1, 65535, "blocks along y");
  check_limit(l.grid.z, 1, 65535, "blocks along z");
  check_limit(l.shared, 0, 99 * 1024, "bytes of dynamic shared memory");  // of the smallest of today's GPUs
  check_limit(l.argument_bytes, 0, 4096, "bytes of arguments");           // before CUDA 12.1
}

void begin_launch(const Launch& launch, const void* dynamic, const void* arguments) {
  dl_iterate_phdr(find_regions, nullptr);
  static_cells.resize((shared_static.end - shared_static.begin) / 4 + 1);
  current = launch;
  const auto d = reinterpret_cast<Address>(dynamic), a = reinterpret_cast<Address>(arguments);
  shared_dynamic = {d, d + launch.shared}, arguments_region = {a, a + launch.argument_bytes};
  dynamic_cells.resize(std::max(dynamic_cells.size(), launch.shared / 4 + 1));
  launch_start = tick();
  released.clear();
}
void begin_block() { block_start = tick(); }

void end_launch() {
  if (found.empty()) return;
  std::string all = place_of(reinterpret_cast<Address>(current.kernel));
  for (const std::string& one : found) all += "\n  " + one;
  found.clear(), known.clear();
  throw std::runtime_error(all);
}

void enter(const Access* thread, Region stack) { running = thread, stack_region = stack; }
void release_writes(Address counter, std::uint32_t time) { released[{counter, running->block}] = time; }
std::uint32_t now() { return time_now; }
std::uint32_t tick() { return ++time_now; }

void report(const std::string& what, const Where& where) {
  const std::string name = where.file_name();
  if (known.emplace(reinterpret_cast<Address>(where.function_name()) + where.line(), other).second)
    found.push_back(what + " at " + name.substr(name.rfind('/') + 1) + ":" + std::to_string(where.line()));
}

void check_access(bool write, Address a, std::size_t bytes, Address pc) {
  if (running == nullptr || stack_region.holds(a)) return;
  if (bytes <= 16 && a % bytes != 0) report_access(misaligned, "misaligned", pc, bytes);
  if (device_memory().holds(a)) return check_device(write, a, bytes, pc);
  if (shared_dynamic.holds(a)) return check_shared(write, dynamic_cells, shared_dynamic.begin, a, bytes, pc);
  if (shared_static.holds(a)) return check_shared(write, static_cells, shared_static.begin, a, bytes, pc);
  if (!write && (arguments_region.holds(a) || constants.holds(a))) return;
  report_access(host, "host memory, or beyond shared memory", pc, bytes);
}

void forget_shared(const void* address, std::size_t bytes) {
  const auto a = reinterpret_cast<Address>(address);
  const bool is_dynamic = shared_dynamic.holds(a);
  if (!is_dynamic && !shared_static.holds(a)) return;
  const Address first = (a - (is_dynamic ? shared_dynamic : shared_static).begin) / 4;
  for (std::size_t word = first; word < first + bytes / 4; ++word)
    (is_dynamic ? dynamic_cells : static_cells)[word].write_time = 0;
}

void atomic_access(const void* address, std::size_t bytes) {
  check_whole(true, address, bytes, "an atomic operation");
}

void check_whole(bool write, const void* address, std::size_t bytes, const char* what) {
  const auto a = reinterpret_cast<Address>(address);
  if (!is_allocated(a, bytes))
    throw std::runtime_error(std::string(what) + " beyond an allocation of device memory");
  if (write) {
    mark_written(a, bytes);
  } else if (is_checked() && !is_written(a, bytes)) {
    throw std::runtime_error(std::string(what) + " reads device memory that nobody wrote");
  }
}

}  // namespace cuda_on_host
