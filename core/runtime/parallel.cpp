#include "core/runtime/parallel.h"

#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
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

// Looks at `value` for a while; true once it is not `old`. Yields between looks: the thread waited for may be
// queued behind this one on the same core, where plain spinning would delay it all the time.
bool spin_until_changed(const std::atomic<int>& value, int old) {
  const auto end = std::chrono::steady_clock::now() + awake;
  do {
    for (int i = 0; i < 64; ++i) {
      if (value.load(std::memory_order_acquire) != old) return true;
      pause();
    }
    std::this_thread::yield();
  } while (std::chrono::steady_clock::now() < end);
  return false;
}

// A thread that spins on a processor with fewer cores than threads keeps others from the work it waits for.
bool has_cores_for(int threads) {
  return static_cast<unsigned>(threads) <= std::thread::hardware_concurrency();
}

}  // namespace

// A cache line takes 0.1 to 0.5 us from core to core, so a loop moves two: what goes to the worker comes with
// `given`, what comes back with `done`.
struct Threads::Worker {
  // Written by the owner.
  alignas(64) std::atomic<int> given = 0;  // counts the chunks given to this worker
  Call call = nullptr;                     // null: stop
  void* body = nullptr;
  std::int64_t begin = 0, end = 0;

  // Written by the worker.
  alignas(64) std::atomic<int> done = 0;
  std::atomic<bool> asleep = false;
  std::exception_ptr error;

  std::thread thread;

  void give(Call new_call, void* new_body, std::int64_t new_begin, std::int64_t new_end) {
    call = new_call;
    body = new_body;
    begin = new_begin;
    end = new_end;
    given.store(given.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    if (asleep.load(std::memory_order_relaxed)) given.notify_one();
  }

  // give() has no fence, which would cost the owner the way of a cache line, so it can overlook a worker that
  // falls asleep at that very moment. Called before the owner waits; fetch_add is the fence.
  void wake_if_overlooked() {
    given.fetch_add(0);
    if (asleep.load()) given.notify_one();
  }

  void wait(bool spin) {
    const int all = given.load(std::memory_order_relaxed);
    wake_if_overlooked();
    for (int now; (now = done.load(std::memory_order_acquire)) != all;) {
      if (!spin || !spin_until_changed(done, now)) done.wait(now, std::memory_order_acquire);
    }
  }

  void work(bool spin) {
    for (int chunks = 0;; ++chunks) {
      if (!spin || !spin_until_changed(given, chunks)) {
        asleep.store(true);
        if (given.load() == chunks) given.wait(chunks);
        asleep.store(false);
      }
      if (call == nullptr) return;
      try {
        call(body, begin, end);
      } catch (...) {
        error = std::current_exception();
      }
      done.store(chunks + 1);
      done.notify_one();  // no system call unless the owner sleeps
    }
  }
};

Threads::Threads(int threads)
    : spin_(has_cores_for(threads)),
      outer_(current_),
      owner_(std::this_thread::get_id()),
      process_(getpid()) {
  check(threads >= 1, "[Threads] expected at least 1 thread, got {}", threads);
  [[maybe_unused]] static const int registered = pthread_atfork(nullptr, nullptr, [] { current_ = nullptr; });
  workers_ = std::make_unique<Worker[]>(static_cast<std::size_t>(threads - 1));
  for (; threads_ < threads; ++threads_) {
    Worker& worker = workers_[threads_ - 1];
    try {
      worker.thread = std::thread([&worker, spin = spin_] { worker.work(spin); });
    } catch (const std::system_error&) {  // the system has no more
      break;
    }
  }
  current_ = threads_ > 1 ? this : nullptr;
}

Threads::~Threads() {
  if (process_ != getpid()) {  // a copy in a child process, whose workers are not there
    [[maybe_unused]] Worker* const forgotten = workers_.release();
    return;
  }
  if (owner_ != std::this_thread::get_id()) {
    std::fputs("[Threads] ended on another thread than the one that made them: keep them in one scope\n",
               stderr);
    std::abort();
  }
  current_ = outer_;
  for (int i = 0; i < threads_ - 1; ++i) {
    workers_[i].give(nullptr, nullptr, 0, 0);
    workers_[i].wake_if_overlooked();
    workers_[i].thread.join();
  }
}

void Threads::run(std::int64_t n, int chunks, Call call, void* body) {
  for (int i = 1; i < chunks; ++i) workers_[i - 1].give(call, body, n * i / chunks, n * (i + 1) / chunks);

  std::exception_ptr error;
  current_ = nullptr;  // nested loops run inline
  try {
    call(body, 0, n / chunks);
  } catch (...) {
    error = std::current_exception();
  }
  current_ = this;

  for (int i = 0; i < chunks - 1; ++i) {
    workers_[i].wait(spin_);
    std::exception_ptr of_worker = std::exchange(workers_[i].error, nullptr);
    if (!error) error = std::move(of_worker);
  }
  if (error) std::rethrow_exception(error);
}

}  // namespace lockstep
