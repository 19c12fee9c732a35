#include "core/parallel.h"

#include <chrono>
#include <system_error>
#include <thread>
#include <utility>

#include "core/error.h"

namespace lockstep {

namespace {

// How long a thread looks for news before it sleeps. Waking a sleeper costs the system 5 to 50 us, so a
// worker stays awake over the short serial stretches between two kernels; longer would take time from other
// runs.
constexpr std::chrono::microseconds awake{50};

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#else
  std::this_thread::yield();
#endif
}

// Returns once `value` is not `old`.
void await_change(const std::atomic<int>& value, int old, bool spin) {
  if (spin) {
    const auto end = std::chrono::steady_clock::now() + awake;
    do {
      for (int i = 0; i < 32; ++i) {
        if (value.load(std::memory_order_acquire) != old) return;
        pause();
      }
    } while (std::chrono::steady_clock::now() < end);
  }
  value.wait(old, std::memory_order_acquire);
}

// A thread that spins on a processor with fewer cores than threads keeps others from the work it waits for.
bool has_cores_for(int threads) {
  return static_cast<unsigned>(threads) <= std::thread::hardware_concurrency();
}

}  // namespace

struct alignas(64) Threads::Worker {
  std::atomic<int> told = 0;  // counts the loops that this worker has a chunk of
  std::exception_ptr error;
  std::thread thread;
};

Threads::Threads(int threads) : threads_(threads), outer_(current_) {
  check(threads >= 1, "[Threads] expected at least 1 thread, got {}", threads);
  workers_ = std::make_unique<Worker[]>(static_cast<std::size_t>(threads - 1));
  for (int i = 1; i < threads; ++i) {
    try {
      workers_[i - 1].thread = std::thread([this, i] { work(i); });
    } catch (const std::system_error& error) {
      stop();
      fail("[Threads] expected {} threads, the system gave {}: {}", threads, i, error.what());
    }
  }
  current_ = threads > 1 ? this : nullptr;
}

Threads::~Threads() {
  current_ = outer_;
  stop();
}

void Threads::stop() {
  stop_ = true;
  for (int i = 1; i < threads_ && workers_[i - 1].thread.joinable(); ++i) {
    workers_[i - 1].told.fetch_add(1);
    workers_[i - 1].told.notify_one();
    workers_[i - 1].thread.join();
  }
}

void Threads::run(std::int64_t n, int chunks, Call call, void* body) {
  n_ = n;
  chunks_ = chunks;
  call_ = call;
  body_ = body;
  pending_.store(chunks - 1, std::memory_order_relaxed);
  for (int i = 1; i < chunks; ++i) {
    workers_[i - 1].told.fetch_add(1);
    workers_[i - 1].told.notify_one();  // no system call for one that is awake
  }

  std::exception_ptr error;
  current_ = nullptr;
  try {
    call(body, 0, n / chunks);
  } catch (...) {
    error = std::current_exception();
  }
  current_ = this;

  const bool spin = has_cores_for(threads_);
  for (int left; (left = pending_.load(std::memory_order_acquire)) != 0;) await_change(pending_, left, spin);
  for (int i = 1; i < chunks; ++i) {
    std::exception_ptr of_worker = std::exchange(workers_[i - 1].error, nullptr);
    if (!error) error = std::move(of_worker);
  }
  if (error) std::rethrow_exception(error);
}

void Threads::work(int chunk) {
  Worker& self = workers_[chunk - 1];
  const bool spin = has_cores_for(threads_);
  for (int done = 0;; ++done) {
    await_change(self.told, done, spin);
    if (stop_) return;
    try {
      call_(body_, n_ * chunk / chunks_, n_ * (chunk + 1) / chunks_);
    } catch (...) {
      self.error = std::current_exception();
    }
    if (pending_.fetch_sub(1) == 1) pending_.notify_one();
  }
}

}  // namespace lockstep
