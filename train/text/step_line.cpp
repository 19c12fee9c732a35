#include "train/text/step_line.h"

#include <unistd.h>

#include <cstdio>

#include "train/text/clock.h"
#include "train/text/numbers.h"
#include "train/text/output.h"
#include "train/text/terminal.h"

namespace lockstep::train {

StepLine::StepLine(std::int64_t steps, std::int64_t done)
    : start_(monotonic_seconds()), steps_(steps), done_before_(done), terminal_(isatty(STDERR_FILENO) != 0) {}

void StepLine::stepped(std::int64_t done, double loss) {
  const double elapsed = monotonic_seconds() - start_;
  if (elapsed - shown_ < (terminal_ ? 0.2 : 10.0)) return;
  shown_ = elapsed;
  const double rate = static_cast<double>(done - done_before_) / elapsed;
  const std::string left = duration(static_cast<double>(steps_ - done) / rate);
  const std::string full = fmt::format("step {}/{}, loss of this step {:.4f}, {} steps/s, {} left", done,
                                       steps_, loss, number(rate), left);
  const auto line = [&] {
    return fitting({full, fmt::format("step {}/{}, loss {:.4f}, {} left", done, steps_, loss, left),
                    fmt::format("{}/{}, {} left", done, steps_, left)},
                   terminal_columns(STDERR_FILENO, 80));
  };
  say("{}{}{}", terminal_ ? "\r\x1b[K" : "", terminal_ ? line() : full, terminal_ ? "" : "\n");
  visible_ = terminal_;
}

void StepLine::clear() {
  if (visible_) say("\r\x1b[K");
  visible_ = false;
}

}  // namespace lockstep::train
