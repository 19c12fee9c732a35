#include "train/bench/doctor.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "core/runtime/sanitizers.h"

namespace lockstep::train {
namespace {

// A quiet machine on which all is well.
Diagnosis healthy() {
  Diagnosis d;
  d.system.logical_cores = d.usable_cores = 2;
  d.system.memory_available = std::int64_t{8} << 30;
  d.system.optimised = true;
  d.blas.core = "SkylakeX";
  d.load = 0.2;
  d.products = {{"f32 512 x 512 x 512", 1, 240e9, 260e9}, {"f32 512 x 512 x 512", 2, 450e9, 520e9}};
  return d;
}

std::string only_advice(const Diagnosis& d) {
  const std::vector<std::string> lines = advice(d);
  return lines.size() == 1 ? lines[0] : "no single line";
}

TEST(Doctor, HasNoAdviceWhereAllIsWell) { EXPECT_TRUE(advice(healthy()).empty()); }

TEST(Doctor, SaysWhatToDoAboutEachFault) {
  Diagnosis d = healthy();
  d.system.optimised = false;
  EXPECT_NE(only_advice(d).find("-DCMAKE_BUILD_TYPE=Release"), std::string::npos);

  d = healthy();
  d.load = 1.9;
  EXPECT_NE(only_advice(d).find("1.9 of 2 cores"), std::string::npos);

  d = healthy();
  d.system.cpu_quota = 1.5;
  d.usable_cores = 1;
  EXPECT_NE(only_advice(d).find("at most 1 threads"), std::string::npos);

  d = healthy();
  d.blas.threads = 2;
  EXPECT_NE(only_advice(d).find("OPENBLAS_NUM_THREADS=1"), std::string::npos);

  d = healthy();
  d.products[0].flops = 120e9;
  d.blas.core = "Haswell";
  EXPECT_NE(only_advice(d).find("46 % of the possible in f32 512 x 512 x 512 with its Haswell kernel"),
            std::string::npos);

  d = healthy();
  d.products[1].flops = 250e9;
  EXPECT_NE(only_advice(d).find("2 threads are 1.0 times as fast as one"), std::string::npos);

  d = healthy();
  d.system.memory_available = std::int64_t{256} << 20;
  EXPECT_NE(only_advice(d).find("0.25 GiB"), std::string::npos);

  d = healthy();
  d.system.huge_pages = "never";
  EXPECT_NE(only_advice(d).find("echo madvise"), std::string::npos);
}

TEST(Doctor, ReportsThisMachineAsTextAndAsJson) {
  std::ostringstream text, json;
  doctor(text);
  for (const char* part : {"processor", "kernel", "GFLOP/s", "cuda", "advice"}) {
    EXPECT_NE(text.str().find(part), std::string::npos) << part << " is missing from\n" << text.str();
  }
  doctor(json, {.json = true});
  const nlohmann::json report = nlohmann::json::parse(json.str());
  EXPECT_FALSE(report.at("blas").at("kernel").get<std::string>().empty());
  EXPECT_TRUE(report.at("cuda").at("usable").is_boolean());
  EXPECT_FALSE(report.at("cuda").at("facts").empty());
  for (const auto& product : report.at("products")) {
    EXPECT_GT(product.at("gflops"), 0) << product;
    if (address_sanitizer || thread_sanitizer) continue;
    EXPECT_LT(product.at("gflops"), 1.5 * product.at("peak_gflops").get<double>()) << product;
  }
}

}  // namespace
}  // namespace lockstep::train
