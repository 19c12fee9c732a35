#include "train/bench/gpu.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <chrono>
#include <exception>
#include <functional>
#include <map>
#include <memory>
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
constexpr std::int64_t queues = 32;  // between the host and a card, as core/cuda/runtime.cpp asks for

// The median time of an action that waits for the card at its end, after three that are not counted.
Timing timed(const std::function<void()>& action, double seconds) {
  std::vector<double> all;
  for (int i = 0; i < 3; ++i) action();
  for (Repetitions repetitions(5, seconds); repetitions.next();) all.push_back(elapsed(action).wall);
  return timing_of(all);
}

// The loss of a step, which is done when it has been read.
Tensor step_of(BenchTraining& training) {
  const Tensor loss = training.forward();
  BenchTraining::gradients(loss);
  training.update();
  return loss;
}

// Of a step's matrix products but attention's.
double flops_of(BenchTraining& training) {
  double flops = 0;
  for (const Product& product : products_of([&] { step_of(training); })) flops += product.flops();
  return flops;
}

// A step recorded and replayed in two parts, as Training does it.
class ReplayedTraining {
 public:
  explicit ReplayedTraining(const BenchModel& model, bool combined)
      : training_(model, combined, Device::cuda) {}

  double step() {
    gradients_.run([&] {
      gradients_.constant(0, [&] {
        training_.optimizer().zero_grad();
        const Tensor loss = training_.forward();
        gradients_.report(loss);
        BenchTraining::gradients(loss);
      });
    });
    update_.run([&] { training_.optimizer().step(); });
    return gradients_.reported();
  }
  std::int64_t requests() const { return gradients_.stats().requests + update_.stats().requests; }

 private:
  BenchTraining training_;
  Replay gradients_{Device::cuda}, update_{Device::cuda};
};

// Knows products by their shapes.
class RequestNames : public Observer {
 public:
  void product(const Product& product) override { product_ = product; }

 protected:
  std::string known_as(const std::string& name) const {
    if (!name.ends_with("product")) return name;
    const Product& p = product_;
    return fmt::format("{} of ({}, {}) and ({}, {})", name, p.m, p.k, p.k, p.n);
  }

 private:
  Product product_;
};

class RequestClock final : public RequestNames {
 public:
  bool times_requests() const override { return true; }
  void request(const std::string& name, double seconds) override {
    RequestTime& entry = times_[known_as(name)];
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
  std::map<std::string, RequestTime> times_;
};

// Has one kind of request made `times` times.
class Repeater final : public RequestNames {
 public:
  Repeater(std::string which, int times) : which_(std::move(which)), times_(times) {}
  bool repeats_requests() const override { return true; }
  int repeats(const std::string& name) override { return known_as(name) == which_ ? times_ : 1; }

 private:
  std::string which_;
  int times_;
};

std::vector<RequestTime> profile_of(BenchTraining& training) {
  constexpr int steps = 5;
  RequestClock clock;
  for (int i = 0; i < steps; ++i) step_of(training).item();
  return clock.times(steps);
}

struct AtOnce {
  double per_second = 0;  // of all
  double ready = 0;       // seconds until each has begun and done it five times
};

// How often all of so many threads together do what `make` gives each of them.
AtOnce done_at_once(std::int64_t threads, double seconds,
                    const std::function<std::function<void()>()>& make) {
  std::atomic<std::int64_t> count = 0;
  std::atomic<bool> end = false;
  std::exception_ptr error;
  std::mutex error_mutex;
  std::barrier ready(threads + 1);
  const auto work = [&] {
    try {
      const std::function<void()> once = make();
      for (int i = 0; i < 5; ++i) once();
      ready.arrive_and_wait();
      for (; !end; ++count) once();
    } catch (...) {
      const std::lock_guard lock(error_mutex);
      error = std::current_exception();
      ready.arrive_and_drop();
    }
  };
  double took = 0, until_ready = 0;
  {
    const double begin = monotonic_seconds();
    std::vector<std::jthread> all;
    for (std::int64_t i = 0; i < threads; ++i) all.emplace_back(work);
    ready.arrive_and_wait();
    const double start = monotonic_seconds();
    until_ready = start - begin;
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
    end = true;
    took = monotonic_seconds() - start;
  }
  if (error) std::rethrow_exception(error);
  return {static_cast<double>(count) / took, until_ready};
}

// Kernels/s of so many threads, each with a graph of 1,000 that follow one another.
double starts_per_second(std::int64_t threads, double seconds) {
  constexpr int kernels_of_graph = 1000;
  const AtOnce graphs = done_at_once(threads, seconds, [] {
    const auto replay = std::make_shared<Replay>(Device::cuda);
    return [replay, x = ones({}, on_gpu), y = zeros({}, on_gpu)] {
      replay->run([&] {
        for (int i = 0; i < kernels_of_graph; ++i) copy_(y, x);
      });
      y.item();
    };
  });
  return kernels_of_graph * graphs.per_second;
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
                              last.item();
                            },
                            seconds)
                            .median;
    ceilings.copy = 2.0 * 4 * static_cast<double>(x.numel()) / time;
  }
  constexpr std::int64_t n = 4096;
  const Tensor a = full({n, n}, 0.5, on_gpu), b = full({n, n}, 0.25, on_gpu);
  const double time = timed([&] { select(select(matmul(a, b), 0, 0), 0, 0).item(); }, seconds).median;
  ceilings.multiply = 2.0 * n * n * n / time;
  ceilings.starts_of_one = starts_per_second(1, seconds);
  ceilings.starts_of_many = starts_per_second(queues, seconds);
  return ceilings;
}

GpuStep bench_gpu_step(const BenchModel& model, const std::string& attention, double seconds, bool profile) {
  check(attention == "combined" || attention == "separate",
        "[bench] --attention: expected combined or separate, got \"{}\"", attention);
  BenchTraining training(model, attention == "combined", Device::cuda);
  GpuStep result{.model = model, .attention = attention};
  result.flops = flops_of(training);
  result.eager = timed([&] { step_of(training).item(); }, seconds / 2);
  if (profile) result.profile = profile_of(training);
  ReplayedTraining replayed(model, attention == "combined");
  result.graph = timed([&] { replayed.step(); }, seconds / 2);
  result.requests = replayed.requests();
  const AllowTf32 tf32;
  ReplayedTraining rounded(model, attention == "combined");
  result.tf32 = timed([&] { rounded.step(); }, seconds / 2);
  return result;
}

void bench_gpu_beside(GpuStep& step, std::int64_t runs, double seconds) {
  constexpr int times = 5;
  const bool combined = step.attention == "combined";
  const auto step_with = [&](const std::string& repeated) {
    const AtOnce steps = done_at_once(runs, seconds, [&] {
      const auto repeater = std::make_shared<Repeater>(repeated, times);
      return [repeater, replayed = std::make_shared<ReplayedTraining>(step.model, combined)] {
        replayed->step();
      };
    });
    return 1 / steps.per_second;
  };
  step.runs_beside = runs;
  step.beside = step_with("nothing");
  for (RequestTime& request : step.profile)
    request.beside = (step_with(request.name) - step.beside) / (times - 1);
}

GpuThroughput bench_gpu_throughput(const BenchModel& model, std::int64_t runs, double seconds) {
  BenchTraining training(model, true, Device::cuda);
  std::atomic<std::int64_t> requests = 0;
  const AtOnce steps = done_at_once(runs, seconds, [&] {
    return [&requests, replayed = std::make_shared<ReplayedTraining>(model, true)] {
      replayed->step();
      requests = replayed->requests();
    };
  });
  return {.model = model,
          .runs = runs,
          .ready = steps.ready,
          .steps_per_second = steps.per_second,
          .flops_per_second = steps.per_second * flops_of(training),
          .requests_per_second = steps.per_second * static_cast<double>(requests)};
}

}  // namespace lockstep::train
