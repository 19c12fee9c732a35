#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

namespace lockstep::train {

// The live line of a study on stderr: runs done and under way, steps/s, time left. On a terminal it is
// redrawn in place; elsewhere a plain line appears now and then, ever less often. Thread-safe.
class Progress {
 public:
  explicit Progress(std::int64_t done);
  // Ends a live line that was not closed, so that an error starts on its own.
  ~Progress();

  // How many runs there are in all, as far as is known.
  void expect(std::int64_t runs);
  void started();
  void stepped(std::int64_t steps);  // takes no lock unless the line is due
  void finished();
  // Ends the line.
  void close();

 private:
  void show_locked(bool last);

  std::mutex mutex_;
  double start_;                   // monotonic_seconds()
  std::atomic<double> shown_ = 0;  // seconds after start_
  std::atomic<std::int64_t> steps_ = 0;
  std::int64_t runs_, done_, done_before_, running_ = 0;
  bool terminal_, line_open_ = false;
};

}  // namespace lockstep::train
