#include "train/bench/steps.h"

#include <memory>

#include "core/runtime/parallel.h"
#include "train/bench/floor.h"

namespace lockstep::train {

namespace {

MemoryUse memory_of(const BenchModel& model, bool combined) {
  return memory_use([&] {
    auto training = std::make_shared<BenchTraining>(model, combined);
    return [training] { training->step(); };
  });
}

// A storage being timed.
struct Contestant {
  Contestant(const BenchModel& model, bool combined)
      : training(model, combined), floor(products_of([&] { training.step(); })) {}

  void repeat() {
    Tensor loss;
    const Elapsed of_forward = elapsed([&] { loss = training.forward(); });
    const Elapsed of_backward = elapsed([&] { BenchTraining::gradients(loss); });
    loss = {};
    const Elapsed of_update = elapsed([&] { training.update(); });
    const Elapsed of_floor = elapsed([&] { floor.run(); });
    forward.push_back(of_forward.wall);
    backward.push_back(of_backward.wall);
    update.push_back(of_update.wall);
    step.push_back(of_forward.wall + of_backward.wall + of_update.wall);
    step_cpu.push_back(of_forward.cpu + of_backward.cpu + of_update.cpu);
    floor_wall.push_back(of_floor.wall);
    floor_cpu.push_back(of_floor.cpu);
  }

  BenchTraining training;
  GemmFloor floor;
  std::vector<double> forward, backward, update, step, step_cpu, floor_wall, floor_cpu;
};

std::vector<OpTime> profile_of(BenchTraining& training) {
  return profile_step([&] { BenchTraining::gradients(training.forward()); }, [&] { training.update(); }, 5);
}

void bench_model(const BenchModel& model, int threads, const BenchOptions& options,
                 std::vector<StepResult>& results) {
  std::vector<MemoryUse> memory;
  for (const std::string& attention : options.attention)
    memory.push_back(memory_of(model, attention == "combined"));
  std::vector<std::unique_ptr<Contestant>> contestants;
  for (const std::string& attention : options.attention)
    contestants.push_back(std::make_unique<Contestant>(model, attention == "combined"));

  const Threads scope(threads);
  for (const auto& contestant : contestants) {
    contestant->training.step();
    contestant->floor.run();
  }
  for (Repetitions repetitions(5, options.seconds); repetitions.next();) {
    for (const auto& contestant : contestants) contestant->repeat();
  }
  for (std::size_t i = 0; i < contestants.size(); ++i) {
    Contestant& c = *contestants[i];
    results.push_back({.model = model,
                       .attention = options.attention[i],
                       .threads = threads,
                       .step = timing_of(c.step),
                       .forward = timing_of(c.forward),
                       .backward = timing_of(c.backward),
                       .update = timing_of(c.update),
                       .floor = timing_of(c.floor_wall),
                       .step_cpu = timing_of(c.step_cpu).median,
                       .floor_cpu = timing_of(c.floor_cpu).median,
                       .floor_flops = c.floor.flops(),
                       .memory = memory[i]});
    if (options.profile) results.back().profile = profile_of(c.training);
  }
}

}  // namespace

std::vector<StepResult> bench_steps(const BenchOptions& options) {
  for (const std::string& attention : options.attention) {
    check(attention == "combined" || attention == "separate",
          "[bench] --attention: expected combined or separate, got \"{}\"", attention);
  }
  std::vector<StepResult> results;
  for (const BenchModel& model : options.models) {
    for (const std::int64_t threads : options.threads)
      bench_model(model, static_cast<int>(threads), options, results);
  }
  return results;
}

}  // namespace lockstep::train
