#include "train/study/run_source.h"

#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "core/runtime/system.h"

namespace lockstep::train {

MakeRun on_device(Device device) {
  return [device](const Job& job, const std::atomic<bool>& stop, const std::function<void()>& on_step) {
    const auto& [arm, seed, give_up_above] = job.run;
    return run_arm(arm, *job.experiment, seed, device, stop, on_step, give_up_above);
  };
}

// A thread waits for its own steps on a GPU, and others' steps fill it meanwhile.
std::int64_t trainings_at_once(Device device) { return device == Device::cpu ? usable_cores() : 32; }

void make_runs(RunSource& source, const MakeRun& make_run, std::int64_t threads,
               const std::atomic<bool>& stop, const std::function<void()>& beside) {
  std::exception_ptr error;
  std::mutex error_mutex;
  const auto guarded = [&](auto&& work) {
    try {
      work();
    } catch (...) {
      const std::lock_guard lock(error_mutex);
      if (!error) error = std::current_exception();
      source.end();
    }
  };
  const auto train = [&](std::int64_t thread) {
    while (const std::optional<Job> job = stop ? std::nullopt : source.take(thread)) {
      std::optional<RunResult> result = make_run(*job, stop, [&] { source.stepped(1); });
      if (!result) return source.end();  // stopped: nobody waits for what would have come of it
      source.finish(*job, std::move(*result));
    }
  };
  {
    std::vector<std::jthread> workers;
    try {
      for (std::int64_t i = 0; i < threads; ++i) workers.emplace_back([&, i] { guarded([&] { train(i); }); });
    } catch (const std::system_error&) {  // the system has no more: those that there are do it all
      if (workers.empty() && beside) throw;
    }
    if (beside) {
      guarded(beside);
      if (stop) source.end();  // threads may wait for what `beside` would have brought
    }
    if (workers.empty()) guarded([&] { train(0); });
  }
  if (error) std::rethrow_exception(error);
}

}  // namespace lockstep::train
