// lockstep-mpi with runs that sleep: for tests of what is around them, on any number of cores.
//   SLEEPING_SECONDS  of a run (1)
//   SLEEPING_SLOW     ranks from this one on take five times as long
//   SLEEPING_VERSION  what the program says it is (test)
// A run's fingerprint is 1 + the GPU that its rank is to use, 0 where there is none.
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <string>
#include <thread>

#include "train/mpi/program.h"

namespace {

using namespace lockstep::train;

double number_from_environment(const char* name, double otherwise) {
  const char* const text = std::getenv(name);
  return text ? std::strtod(text, nullptr) : otherwise;
}

// Losses that fall, a little differently for each run.
std::vector<double> losses_of(const Job& job) {
  const std::size_t hash = std::hash<std::string>()(job.key.arm + std::to_string(job.key.seed));
  const double rate = 0.02 * (1 + static_cast<double>(hash % 1000) / 10'000);
  std::vector<double> losses;
  for (std::int64_t step = 0; step < job.experiment->run.steps; ++step)
    losses.push_back(3 * std::exp(-rate * static_cast<double>(step)));
  return losses;
}

MakeRun sleeping(lockstep::Device) {
  const double rank = number_from_environment("OMPI_COMM_WORLD_RANK", 0);
  const bool slow = rank >= number_from_environment("SLEEPING_SLOW", INFINITY);
  const auto gpu = static_cast<std::uint64_t>(1 + number_from_environment("CUDA_VISIBLE_DEVICES", -1));
  const double seconds = number_from_environment("SLEEPING_SECONDS", 1) * (slow ? 5 : 1);
  return [=](const Job& job, const std::atomic<bool>& stop,
             const std::function<void()>&) -> std::optional<RunResult> {
    using Clock = std::chrono::steady_clock;
    const Clock::time_point start = Clock::now(), end = start + std::chrono::duration_cast<Clock::duration>(
                                                                    std::chrono::duration<double>(seconds));
    while (Clock::now() < end) {
      if (stop) return std::nullopt;
      std::this_thread::sleep_until(std::min(end, Clock::now() + std::chrono::milliseconds(20)));
    }
    return RunResult{.losses = losses_of(job), .seconds = seconds, .parameters = 1, .fingerprint = gpu};
  };
}

}  // namespace

int main(int argc, char** argv) {
  const char* const version = std::getenv("SLEEPING_VERSION");
  return mpi::run_program(argc, argv, version ? version : "test", sleeping);
}
