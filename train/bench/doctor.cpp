#include "train/bench/doctor.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <ostream>

#include "core/joined.h"
#include "core/runtime/parallel.h"
#include "core/tensor.h"
#include "data/files/hdf5.h"
#include "train/text/clock.h"
#include "train/text/text_layout.h"

namespace lockstep::train {

namespace {

// The best of some 15 ms of repetitions: what the product takes when nobody interrupts.
template <typename T>
ProductSpeed measure(int m, int n, int k, int threads) {
  const TensorOptions type{dtype_of<T>()};
  const Tensor a = full({m, k}, 0.5, type), b = full({n, k}, 0.5, type), c = empty({m, n}, type);
  const Product product{.trans_b = true, .m = m, .n = n, .k = k};
  const Threads scope(threads);
  double best = 1e30;
  const double start = monotonic_seconds();
  for (int i = 0; i < 3 || monotonic_seconds() - start < 0.015; ++i) {
    const double begin = monotonic_seconds();
    multiply(product, a.data<T>(), b.data<T>(), c.data<T>());
    best = std::min(best, monotonic_seconds() - begin);
  }
  return {fmt::format("f{} {} x {} x {}", 8 * sizeof(T), m, n, k), threads, 2.0 * m * n * k / best,
          peak_flops<T>() * threads, std::string(product_by(m, n, k))};
}

double gib(std::int64_t bytes) { return static_cast<double>(bytes) / (1 << 30); }

void write_text(std::ostream& out, const Diagnosis& d, int width) {
  const auto line = [&](const char* name, const std::string& text) {
    out << hanging(fmt::format("{:<11} ", name), text, width);
  };
  line("processor", d.system.processor);
  line("",
       fmt::format("{} cores ({} physical){}, load {:.1f}", d.system.logical_cores, d.system.physical_cores,
                   d.system.cpu_quota > 0
                       ? fmt::format(", limited to {:.1f} by a control group", d.system.cpu_quota)
                       : "",
                   d.load));
  line("vectors", fmt::format("{}; own kernels use {}", joined(d.system.vectors, " "), d.vector_target));
  line("memory", fmt::format("{:.1f} GiB available of {:.1f}; huge pages: {}", gib(d.system.memory_available),
                             gib(d.system.memory_total),
                             d.system.huge_pages.empty() ? "unknown" : d.system.huge_pages));
  line("system", fmt::format("{}; built by {}{}", d.system.system, d.system.compiler,
                             d.system.optimised ? "" : " without optimisation"));
  line("blas", d.blas.config);
  line("", fmt::format("{}, loaded and checked in {:.1f} ms", d.blas.library, d.blas.milliseconds));
  line("", fmt::format("kernel {}: {}", d.blas.core, d.blas.why));
  line("hdf5", d.hdf5);
  for (const std::string& fact : d.cuda) line(&fact == d.cuda.data() ? "cuda" : "", fact);
  line("products", "GFLOP/s reached, of what registers alone reach");
  const int margin = width < 80 ? 2 : 12;
  Table products({{"product"}, {"by"}, {"threads", true}, {"reached", true}, {"of", true}, {"share", true}},
                 width - margin);
  for (const ProductSpeed& p : d.products) {
    products.add({p.name, p.by, fmt::format("{}", p.threads), fmt::format("{:.1f}", p.flops / 1e9),
                  fmt::format("{:.1f}", p.peak / 1e9), fmt::format("{:.0f} %", 100 * p.flops / p.peak)});
  }
  out << indented(products.text(), margin);
  const std::vector<std::string> lines = advice(d);
  line("advice", lines.empty() ? "none: all is well" : "");
  for (const std::string& text : lines) out << hanging("  - ", text, width);
}

void write_json(std::ostream& out, const Diagnosis& d) {
  nlohmann::ordered_json products = nlohmann::ordered_json::array();
  for (const ProductSpeed& p : d.products) {
    products.push_back({{"name", p.name},
                        {"threads", p.threads},
                        {"gflops", p.flops / 1e9},
                        {"peak_gflops", p.peak / 1e9},
                        {"by", p.by}});
  }
  const nlohmann::ordered_json report = {{"processor", d.system.processor},
                                         {"logical_cores", d.system.logical_cores},
                                         {"physical_cores", d.system.physical_cores},
                                         {"cpu_quota", d.system.cpu_quota},
                                         {"usable_cores", d.usable_cores},
                                         {"load", d.load},
                                         {"vectors", d.system.vectors},
                                         {"vector_target", d.vector_target},
                                         {"memory_total_bytes", d.system.memory_total},
                                         {"memory_available_bytes", d.system.memory_available},
                                         {"huge_pages", d.system.huge_pages},
                                         {"system", d.system.system},
                                         {"compiler", d.system.compiler},
                                         {"optimised", d.system.optimised},
                                         {"blas",
                                          {{"config", d.blas.config},
                                           {"library", d.blas.library},
                                           {"kernel", d.blas.core},
                                           {"kernel_chosen", d.blas.core_chosen},
                                           {"why", d.blas.why},
                                           {"threads", d.blas.threads},
                                           {"milliseconds", d.blas.milliseconds}}},
                                         {"hdf5", d.hdf5},
                                         {"cuda", {{"usable", d.cuda_usable}, {"facts", d.cuda}}},
                                         {"products", products},
                                         {"advice", advice(d)}};
  out << report.dump(2) << '\n';
}

}  // namespace

Diagnosis diagnose() {
  Diagnosis d;
  d.system = system_info();
  d.load = load_average();
  d.usable_cores = usable_cores();
  d.blas = blas_info();
  d.vector_target = vector_target();
  d.hdf5 = h5::library_version();
  d.cuda = device_facts(Device::cuda);
  d.cuda_usable = why_unavailable(Device::cuda).empty();
  d.products = {measure<float>(512, 512, 512, 1), measure<float>(1280, 1280, 1280, 1),
                measure<double>(512, 512, 512, 1), measure<float>(2048, 192, 64, 1)};
  if (d.usable_cores > 1) d.products.push_back(measure<float>(512, 512, 512, d.usable_cores));
  return d;
}

std::vector<std::string> advice(const Diagnosis& d) {
  std::vector<std::string> lines;
  if (!d.system.optimised) {
    lines.push_back("Built without optimisation: configure with -DCMAKE_BUILD_TYPE=Release.");
  }
  const bool busy = d.load > 0.5 * d.system.logical_cores;
  if (busy) {
    lines.push_back(
        fmt::format("Other programs keep {:.1f} of {} cores busy: times measured now are too long.", d.load,
                    d.system.logical_cores));
  }
  if (d.system.cpu_quota > 0 && d.system.cpu_quota < d.system.logical_cores) {
    lines.push_back(fmt::format("A control group allows {:.1f} cores of {}: use at most {} threads in all.",
                                d.system.cpu_quota, d.system.logical_cores, d.usable_cores));
  }
  if (d.blas.threads > 1) {
    lines.push_back(
        fmt::format("OpenBLAS was loaded before Lockstep and runs {} threads of its own beside Lockstep's: "
                    "set OPENBLAS_NUM_THREADS=1.",
                    d.blas.threads));
  }
  const auto single = [](const ProductSpeed& p) { return p.threads == 1 && p.by == "OpenBLAS"; };
  const auto worst =
      std::min_element(d.products.begin(), d.products.end(), [&](const auto& p, const auto& q) {
        return single(p) && (!single(q) || p.flops / p.peak < q.flops / q.peak);
      });
  if (worst != d.products.end() && single(*worst) && worst->flops < 0.6 * worst->peak) {
    lines.push_back(
        fmt::format("OpenBLAS reaches {:.0f} % of the possible in {} with its {} kernel: a newer OpenBLAS "
                    "may know this processor, or try "
                    "LOCKSTEP_BLAS_CORE=SkylakeX, Cooperlake, Haswell or Zen.",
                    100 * worst->flops / worst->peak, worst->name, d.blas.core));
  }
  for (const ProductSpeed& p : d.products) {
    const ProductSpeed& alone = d.products.front();
    if (p.threads > 1 && !busy && p.flops < 0.7 * p.threads * alone.flops) {
      lines.push_back(
          fmt::format("{} threads are {:.1f} times as fast as one: the cores share a power limit, or "
                      "are hardware threads of one core. Runs side by side with one thread each lose less.",
                      p.threads, p.flops / alone.flops));
    }
  }
  if (d.system.memory_available < std::int64_t{1} << 30) {
    lines.push_back(fmt::format("Only {:.2f} GiB of memory are available.", gib(d.system.memory_available)));
  }
  if (d.system.huge_pages == "never") {
    lines.push_back(
        "Huge pages are off, which makes steps 2 to 4 % slower: as root, "
        "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled.");
  }
  return lines;
}

void doctor(std::ostream& out, const DoctorOptions& options) {
  const Diagnosis diagnosis = diagnose();
  if (options.json) {
    write_json(out, diagnosis);
  } else {
    write_text(out, diagnosis, options.width);
  }
}

}  // namespace lockstep::train
