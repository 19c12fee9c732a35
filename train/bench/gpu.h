#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "train/bench/model.h"
#include "train/bench/timing.h"

namespace lockstep::train {

// What `bench --device cuda` measures.
struct GpuBenchOptions {
  std::vector<BenchModel> models = reference_models();
  std::vector<std::string> attention = {"combined", "separate"};
  std::vector<std::int64_t> runs = {1, 8, 32, 128};  // trainings at once
  double seconds = 1;                                // for each row
  bool profile = false;                              // of each step, by request
  std::int64_t beside = 1;                           // if more: also what a request costs beside so many
};

// What the card itself reaches.
struct GpuCeilings {
  std::string name;
  double copy = 0;      // bytes/s, read and written, of 256 MiB copied on the card
  double multiply = 0;  // flop/s of (4096, 4096) matrices in f32
  // Kernels/s that do next to nothing, as graphs: of one stream, and of as many as the card has queues.
  double starts_of_one = 0, starts_of_many = 0;
};

// What a step's kernels of one kind, or products of one shape, take on the card.
struct RequestTime {
  std::string name;
  std::int64_t calls = 0;
  double seconds = 0;  // each by itself
  double beside = 0;   // of the whole card's time, where several trainings share it
};

// One training alone. A step ends when its loss is on the host; as a graph, as in Training, its gradients and
// update go on meanwhile, so that the time is from one step to the next.
struct GpuStep {
  BenchModel model;
  std::string attention;
  Timing eager, graph, tf32;         // request by request; as a graph; so with products rounded to TF32
  std::int64_t requests = 0;         // kernels, products and copies of a step
  double flops = 0;                  // of a step's matrix products but attention's
  std::vector<RequestTime> profile;  // longest first; empty unless asked for
  std::int64_t runs_beside = 1;      // if more, what the profile's `beside` is of,
  double beside = 0;                 // and the card's seconds for a step then
};

// Several trainings of one model at once, a thread and a stream each.
struct GpuThroughput {
  BenchModel model;
  std::int64_t runs = 1;
  double ready = 0;  // seconds until each thread has begun and done five steps
  double steps_per_second = 0, flops_per_second = 0, requests_per_second = 0;  // of all
};

// Throw where there is no GPU.
GpuCeilings gpu_ceilings();
GpuStep bench_gpu_step(const BenchModel& model, const std::string& attention, double seconds, bool profile);
// Adds to a profiled step what its requests cost beside so many trainings' in all: a step takes longer by
// four times that where each is made five times.
void bench_gpu_beside(GpuStep& step, std::int64_t runs, double seconds);
GpuThroughput bench_gpu_throughput(const BenchModel& model, std::int64_t runs, double seconds);

// Everything, as text of `width` columns in pieces as they are measured, or as JSON in one piece.
void bench_gpu(const GpuBenchOptions& options, bool json, int width,
               const std::function<void(const std::string&)>& print);

}  // namespace lockstep::train
