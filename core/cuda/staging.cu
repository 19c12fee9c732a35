#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <thread>

#include "core/cuda/cuda_kernels.h"
#include "core/cuda/launch.h"
#include "core/cuda/staging.h"
#include "core/runtime/of_this_thread.h"

namespace lockstep::cuda {

namespace {

// What a thread keeps for its next Recorders.
using Spares = std::array<std::unique_ptr<Staging>, 4>;

// Room for the batch of most small trainings, so that they need no second one.
constexpr std::size_t least_bytes = 64 * 1024;

unsigned packs_of(std::size_t bytes) {
  return static_cast<unsigned>((bytes + sizeof(uint4) - 1) / sizeof(uint4));
}

// Looks up to half a million times whether a kernel has written what is waited for: no call of the driver,
// and the processor is left to others in between.
template <typename IsTrue>
bool comes_true(const IsTrue& is_true) {
  for (int looks = 0; looks < 500'000; ++looks) {
    if (is_true()) return true;
    std::this_thread::yield();
  }
  return false;
}

// Copies, and tells the host when it has read everything.
__global__ void send_kernel(uint4* to, const uint4* from, unsigned packs, unsigned* number,
                            const volatile unsigned* announced, volatile unsigned* read, unsigned* counter) {
  // The number is on its way together with the rest, of which as a rule a thread has one pack.
  const unsigned run = threadIdx.x == 0 ? *announced : 0;
#pragma unroll 1
  for (std::int64_t i = first_element(); i < packs; i += all_threads()) to[i] = from[i];
  if (!comes_last(counter, gridDim.x) || threadIdx.x > 0) return;
  *number = run;
  *read = run;
}

template <typename T>
__global__ void report_kernel(volatile double* to, const T* scalar, volatile unsigned* of_run,
                              const unsigned* number) {
  *to = static_cast<double>(*scalar);
  __threadfence_system();
  *of_run = *number;
}

}  // namespace

struct alignas(sizeof(uint4)) Staging::Head {
  unsigned announced = 0;  // runs; so are the others
  unsigned read = 0, of_report = 0;
  double reported = 0;
};

Staging::Staging(std::size_t bytes)
    : bytes_(sizeof(uint4) * packs_of(std::max(bytes, least_bytes))),
      device_(allocate_apart(before + bytes_)),
      counter_(counters(1)) {
  check(cudaMemsetAsync(device_.get(), 0, before, stream()), "clear a number");
  const auto lock = whole_device();
  void* memory = nullptr;
  check(cudaMallocHost(&memory, sizeof(Head) + bytes_), "allocate pinned memory");
  head_.reset(new (memory) Head);
  std::memset(host(), 0, bytes_);
}

Staging::~Staging() {
  const auto lock = whole_device();
  cudaDeviceSynchronize();  // kernels may still write there, also those that another thread has asked for
}

void Staging::FreeHost::operator()(Head* memory) const noexcept {
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

std::byte* Staging::host() const { return reinterpret_cast<std::byte*>(head_.get() + 1); }

void Staging::send(std::size_t bytes) const {
  const unsigned packs = packs_of(bytes);
  launch(send_kernel, std::max(blocks_for(packs), 1u), block_threads, 0,
         reinterpret_cast<uint4*>(device_.get() + before), reinterpret_cast<const uint4*>(host()), packs,
         number(), &head_->announced, &head_->read, counter_);
}

void Staging::announce() const { ++head_->announced; }

bool Staging::is_read() const {
  const volatile unsigned& read = head_->read;
  return read == head_->announced;
}

void Staging::wait() const {
  // As a rule there is nothing to wait for: what came later has been waited for.
  if (comes_true([&] { return is_read(); })) return;
  cudaStreamSynchronize(stream());  // what goes wrong there is told to who asks for results
}

void Staging::report(const Tensor& scalar) const {
  dispatch_real(scalar.dtype(), [&](auto t) {
    using T = decltype(t);
    launch(report_kernel<T>, 1, 1, 0, &head_->reported, on_device<T>(scalar), &head_->of_report, number());
  });
}

bool Staging::was_reported() const {
  const volatile unsigned& of_report = head_->of_report;
  return comes_true([&] { return of_report == head_->announced; });
}

double Staging::reported() const {
  const volatile double& value = head_->reported;
  return value;
}

}  // namespace lockstep::cuda
