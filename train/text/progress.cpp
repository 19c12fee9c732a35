#include "train/text/progress.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "train/text/clock.h"
#include "train/text/output.h"
#include "train/text/terminal.h"

namespace lockstep::train {

namespace {

// Shorter than duration() in numbers.h: the line is narrow.
std::string clock_time(double seconds) {
  const auto whole = static_cast<std::int64_t>(seconds + 0.5);
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{}:{:02} min", whole / 60, whole % 60);
  return fmt::format("{}:{:02} h", whole / 3600, whole / 60 % 60);
}

// Can the line be redrawn in place?
bool live_terminal() {
  const char* const kind = std::getenv("TERM");
  return isatty(STDERR_FILENO) != 0 && kind && std::string_view(kind) != "dumb";
}

// Seconds between plain lines: a study of hours does not fill a log.
double pause_after(double elapsed) { return std::max(10.0, elapsed / 20); }

}  // namespace

Progress::Progress(std::int64_t done)
    : start_(monotonic_seconds()), runs_(done), done_(done), done_before_(done), terminal_(live_terminal()) {}

Progress::~Progress() {
  if (line_open_) say("\n");
}

void Progress::expect(std::int64_t runs) {
  const std::lock_guard lock(mutex_);
  runs_ = runs;
}

void Progress::started() {
  const std::lock_guard lock(mutex_);
  ++running_;
}

void Progress::stepped(std::int64_t steps) {
  steps_ += steps;
  const double shown = shown_;
  if (monotonic_seconds() - start_ - shown < (terminal_ ? 0.2 : pause_after(shown))) return;
  if (const std::unique_lock lock(mutex_, std::try_to_lock); lock) show_locked(false);
}

void Progress::finished() {
  const std::lock_guard lock(mutex_);
  ++done_;
  --running_;
  if (terminal_ && monotonic_seconds() - start_ - shown_ > 0.1) show_locked(false);
}

void Progress::close() {
  const std::lock_guard lock(mutex_);
  running_ = 0;
  show_locked(true);
}

void Progress::show_locked(bool last) {
  const double elapsed = monotonic_seconds() - start_;
  shown_ = elapsed;
  const std::int64_t fresh = done_ - done_before_;
  // A run under way counts half.
  const double share = (static_cast<double>(fresh) + 0.5 * static_cast<double>(running_)) /
                       std::max(1.0, static_cast<double>(runs_ - done_before_));
  const std::string left = last         ? clock_time(elapsed) + " in all"
                           : fresh == 0 ? "estimating"
                                        : clock_time(elapsed * (1 - share) / share) + " left";
  const std::string full =
      fmt::format("{}/{} runs done, {} running, {:.0f} steps/s, {}", done_, runs_, running_,
                  static_cast<double>(steps_.load()) / std::max(elapsed, 1e-3), left);
  const auto line = [&] {
    return fitting({full, fmt::format("{}/{} runs done, {}", done_, runs_, left),
                    fmt::format("{}/{}, {}", done_, runs_, left)},
                   terminal_columns(STDERR_FILENO, 80));
  };
  line_open_ = terminal_ && !last;
  say("{}{}{}", terminal_ ? "\r\x1b[K" : "", terminal_ ? line() : full, line_open_ ? "" : "\n");
}

}  // namespace lockstep::train
