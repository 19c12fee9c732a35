#include "core/cuda/staging.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "core/runtime/of_this_thread.h"

namespace lockstep::cuda {

namespace {

// What a thread keeps for its next Recorders.
using Spares = std::array<std::unique_ptr<Staging>, 4>;

}  // namespace

Staging::Staging(std::size_t bytes) : bytes_(bytes), device_(allocate_apart(bytes)) {
  const auto lock = whole_device();
  void* memory = nullptr;
  check(cudaMallocHost(&memory, bytes), "allocate pinned memory");
  host_.reset(static_cast<std::byte*>(memory));
  std::memset(memory, 0, bytes);
  check(cudaEventCreateWithFlags(&sent_, cudaEventDisableTiming), "make an event");
}

Staging::~Staging() {
  cudaEventSynchronize(sent_);
  cudaEventDestroy(sent_);
}

void Staging::FreeHost::operator()(std::byte* memory) const noexcept {
  const auto lock = whole_device();
  cudaFreeHost(memory);
}

std::unique_ptr<Staging> Staging::of(std::size_t bytes) {
  std::unique_ptr<Staging>* smallest = nullptr;
  if (Spares* const spares = OfThisThread<Spares>::get()) {
    for (auto& spare : *spares) {
      if (spare && spare->bytes() >= bytes && (!smallest || spare->bytes() < (*smallest)->bytes()))
        smallest = &spare;
    }
  }
  if (smallest == nullptr) return std::make_unique<Staging>(bytes);
  (*smallest)->wait();
  return std::move(*smallest);
}

void Staging::keep(std::unique_ptr<Staging> unused) noexcept {
  Spares* const spares = OfThisThread<Spares>::get();
  if (spares == nullptr) return;
  const auto bytes = [](const std::unique_ptr<Staging>& spare) { return spare ? spare->bytes() : 0; };
  auto& least = *std::ranges::min_element(*spares, {}, bytes);
  if (bytes(least) < unused->bytes()) least = std::move(unused);
}

void Staging::send(std::size_t bytes) const {
  check(cudaMemcpyAsync(device_.get(), host_.get(), bytes, cudaMemcpyHostToDevice, stream()),
        "copy a graph's arguments");
  check(cudaEventRecord(sent_, stream()), "mark a graph's arguments");
}

void Staging::wait() const { check(cudaEventSynchronize(sent_), "wait for a graph's arguments"); }

}  // namespace lockstep::cuda
