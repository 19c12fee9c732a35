#include "train/bench/gpu.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <exception>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

#include "core/ops.h"
#include "core/runtime/observer.h"
#include "core/runtime/replay.h"
#include "core/runtime/tf32.h"
#include "train/bench/floor.h"

namespace lockstep::train {

namespace {

constexpr TensorOptions on_gpu{DType::f32, Device::cuda};

// The median time of an action that leaves its result on the card, after three that are not counted.
Timing timed(const std::function<Tensor()>& action, double seconds) {
  std::vector<double> all;
  for (int i = 0; i < 3; ++i) action().item();
  for (Repetitions repetitions(5, seconds); repetitions.next();)
    all.push_back(elapsed([&] { action().item(); }).wall);
  return timing_of(all);
}

// The loss of a step, which is done when it has been read.
Tensor step_of(BenchTraining& training) {
  const Tensor loss = training.forward();
  BenchTraining::gradients(loss);
  training.update();
  return loss;
}

// The same, recorded and replayed in two parts, as Training does it.
class ReplayedTraining {
 public:
  explicit ReplayedTraining(const BenchModel& model, bool combined)
      : training_(model, combined, Device::cuda) {}

  Tensor step() {
    gradients_.run([&] {
      gradients_.constant(0, [&] {
        training_.optimizer().zero_grad();
        loss_ = {};
        const Tensor loss = training_.forward();
        BenchTraining::gradients(loss);
        loss_ = loss.detach();
      });
    });
    update_.run([&] { training_.optimizer().step(); });
    return loss_;
  }
  std::int64_t requests() const { return gradients_.stats().requests + update_.stats().requests; }

 private:
  BenchTraining training_;
  Replay gradients_{Device::cuda}, update_{Device::cuda};
  Tensor loss_;
};

class RequestClock final : public Observer {
 public:
  void product(const Product& product) override { product_ = product; }
  bool times_requests() const override { return true; }
  void request(const std::string& name, double seconds) override {
    const Product& p = product_;
    RequestTime& entry =
        times_[name == "product" ? fmt::format("product of ({}, {}) and ({}, {})", p.m, p.k, p.k, p.n)
                                 : name];
    entry.seconds += seconds;
    ++entry.calls;
  }

  // Of one of so many steps, longest first.
  std::vector<RequestTime> times(int steps) const {
    std::vector<RequestTime> all;
    for (const auto& [name, entry] : times_)
      all.push_back({name, entry.calls / steps, entry.seconds / steps});
    std::ranges::sort(all, std::greater<>(), &RequestTime::seconds);
    return all;
  }

 private:
  Product product_;
  std::map<std::string, RequestTime> times_;
};

std::vector<RequestTime> profile_of(BenchTraining& training) {
  constexpr int steps = 5;
  RequestClock clock;
  for (int i = 0; i < steps; ++i) step_of(training).item();
  return clock.times(steps);
}

}  // namespace

GpuCeilings gpu_ceilings() {
  GpuCeilings ceilings{.name = backend(Device::cuda).name()};
  constexpr double seconds = 0.2;
  {
    const Tensor x = ones({std::int64_t{64} << 20}, on_gpu), y = empty_like(x), last = select(y, 0, 0);
    const double time = timed(
                            [&] {
                              copy_(y, x);
                              return last;
                            },
                            seconds)
                            .median;
    ceilings.copy = 2.0 * 4 * static_cast<double>(x.numel()) / time;
  }
  constexpr std::int64_t n = 4096;
  const Tensor a = full({n, n}, 0.5, on_gpu), b = full({n, n}, 0.25, on_gpu);
  const double time = timed([&] { return select(select(matmul(a, b), 0, 0), 0, 0); }, seconds).median;
  ceilings.multiply = 2.0 * n * n * n / time;
  return ceilings;
}

GpuStep bench_gpu_step(const BenchModel& model, const std::string& attention, double seconds, bool profile) {
  check(attention == "combined" || attention == "separate",
        "[bench] --attention: expected combined or separate, got \"{}\"", attention);
  BenchTraining training(model, attention == "combined", Device::cuda);
  GpuStep result{.model = model, .attention = attention};
  for (const Product& product : products_of([&] { step_of(training); })) result.flops += product.flops();
  result.eager = timed([&] { return step_of(training); }, seconds / 2);
  if (profile) result.profile = profile_of(training);
  ReplayedTraining replayed(model, attention == "combined");
  result.graph = timed([&] { return replayed.step(); }, seconds / 2);
  result.requests = replayed.requests();
  const AllowTf32 tf32;
  ReplayedTraining rounded(model, attention == "combined");
  result.tf32 = timed([&] { return rounded.step(); }, seconds / 2);
  return result;
}

GpuThroughput bench_gpu_throughput(const BenchModel& model, std::int64_t runs, double seconds) {
  std::atomic<std::int64_t> steps = 0;
  std::atomic<bool> end = false;
  std::exception_ptr error;
  std::mutex error_mutex;
  std::barrier ready(runs + 1);
  const auto work = [&] {
    try {
      ReplayedTraining training(model, true);
      for (int i = 0; i < 5; ++i) training.step().item();
      ready.arrive_and_wait();
      for (; !end; ++steps) training.step().item();
    } catch (...) {
      const std::lock_guard lock(error_mutex);
      error = std::current_exception();
      ready.arrive_and_drop();
    }
  };
  double took = 0;
  {
    std::vector<std::jthread> threads;
    for (std::int64_t i = 0; i < runs; ++i) threads.emplace_back(work);
    ready.arrive_and_wait();
    const double start = monotonic_seconds();
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
    end = true;
    took = monotonic_seconds() - start;
  }
  if (error) std::rethrow_exception(error);
  return {.model = model, .runs = runs, .steps_per_second = static_cast<double>(steps) / took};
}

}  // namespace lockstep::train
