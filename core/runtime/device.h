#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lockstep {

class Kernels;       // core/kernels.h
struct MemoryStats;  // core/runtime/memory.h
class WorkRecorder;  // core/runtime/replay.h

// Where a tensor's memory is, and what computes with it.
enum class Device : std::uint8_t { cpu, cuda };

constexpr std::string_view name_of(Device device) { return device == Device::cpu ? "cpu" : "cuda"; }

// A piece of a device's memory.
struct Allocation {
  void* data = nullptr;
  std::size_t capacity = 0;     // bytes with rounding
  const void* owner = nullptr;  // whose cache it may return to
};

// A copy from a device to the host.
struct HostCopy {
  void* to;
  const void* from;
  std::size_t bytes;
};

// What a device other than the CPU gives: memory, copies between it and the host, and kernels. All of a
// thread's work on a device is done in the order in which it was asked for; copies to the host wait for it.
class Backend {
 public:
  // Uninitialised memory, aligned to 256 bytes. Throws Error if the device has no such memory.
  virtual Allocation allocate(std::size_t bytes) const = 0;
  virtual void free(const Allocation& memory) const noexcept = 0;
  virtual void copy_to_device(void* to, const void* from, std::size_t bytes) const = 0;
  // Throws what has gone wrong on the device until now, such as an index out of range.
  virtual void copy_to_host(std::span<const HostCopy> copies) const = 0;
  virtual const Kernels& kernels() const = 0;
  virtual MemoryStats memory_stats() const = 0;  // of this thread
  virtual std::unique_ptr<WorkRecorder> make_recorder() const = 0;
  virtual std::string name() const = 0;  // the card's: "NVIDIA H100 80GB HBM3"

 protected:
  ~Backend() = default;
};

// Throws an Error that says why there is none (built without CUDA, no driver, no device). There is none for
// the CPU, whose kernels and memory need no backend.
const Backend& backend(Device device);
// Empty if tensors can live there, else the reason, as a part of a sentence.
std::string why_unavailable(Device device);
// Devices of this kind and what they need (driver, toolkit, libraries), a line each, for a reader.
std::vector<std::string> device_facts(Device device);

}  // namespace lockstep
