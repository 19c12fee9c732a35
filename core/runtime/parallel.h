#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <type_traits>

namespace lockstep {

// From construction to the end of its scope, the kernels that this thread calls run on `threads` threads,
// this one included:
//
//     Threads threads(2);
//     train(model);      // parallel_for inside of it uses both
//
// Every run owns its threads: any number of them may exist in a process, and they share nothing. Where the
// system gives fewer than asked for, they are fewer. Threads live in a scope of one thread, the last made
// ending first; to end elsewhere is a mistake that ends the program. A child process of fork() has none of
// them: there the kernels run on the thread that forked.
class Threads {
 public:
  [[nodiscard]] explicit Threads(int threads);  // throws Error for fewer than 1
  ~Threads();
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;
  void* operator new(std::size_t) = delete;

  // How many threads a parallel_for called here would use.
  static int count() { return current_ == nullptr ? 1 : current_->threads_; }

 private:
  template <typename F>
  friend void parallel_for(std::int64_t n, std::int64_t grain, F&& body);

  using Call = void (*)(void* body, std::int64_t begin, std::int64_t end);
  struct Worker;

  void run(std::int64_t n, int chunks, Call call, void* body);

  int threads_ = 1;
  const bool spin_;
  Threads* const outer_;  // what was current before
  const std::thread::id owner_;
  const pid_t process_;
  std::unique_ptr<Worker[]> workers_;

  // Null on the workers and while a chunk runs, which is what makes nested loops run inline.
  static inline constinit thread_local Threads* current_ = nullptr;
};

// Calls body(begin, end) for contiguous chunks that cover [0, n), one chunk a thread, none smaller than
// `grain` (but for n < grain). The bounds depend on n, grain and Threads::count() only. Returns when all are
// done; if chunks throw, the exception of the first of them is passed on. Nested calls run inline. Costs a
// branch on one thread and 1 to 2 microseconds on two, so `grain` should stand for some 10 of work.
template <typename F>
void parallel_for(std::int64_t n, std::int64_t grain, F&& body) {
  Threads* const threads = Threads::current_;
  if (threads == nullptr || n < 2 * grain) {
    if (n > 0) body(std::int64_t{0}, n);
    return;
  }
  using Body = std::remove_reference_t<F>;
  const auto call = [](void* f, std::int64_t begin, std::int64_t end) {
    (*static_cast<Body*>(f))(begin, end);
  };
  const std::int64_t most = grain > 1 ? n / grain : n;
  threads->run(n, static_cast<int>(most < threads->threads_ ? most : threads->threads_), call,
               const_cast<void*>(static_cast<const void*>(std::addressof(body))));
}

}  // namespace lockstep
