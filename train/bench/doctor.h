#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "core/processor.h"
#include "core/runtime/system.h"
#include "train/text/table.h"
namespace lockstep::train {

// One product's speed, in operations per second, beside what registers alone reach in the same second.
struct ProductSpeed {
  std::string name;  // "f32 512 x 512 x 512"
  int threads = 1;
  double flops = 0;
  double peak = 0;              // of that many threads
  std::string by = "OpenBLAS";  // product_by
};

// What `lockstep doctor` finds out.
struct Diagnosis {
  SystemInfo system;
  BlasInfo blas;
  std::string vector_target;      // of Lockstep's own kernels
  std::string hdf5;               // version
  std::vector<std::string> cuda;  // driver, devices and what is missing, a line each
  bool cuda_usable = false;
  int usable_cores = 1;
  double load = 0;  // threads that ran on the machine, averaged over a minute
  std::vector<ProductSpeed> products;
};

// Measures for about 0.2 s.
Diagnosis diagnose();

// What to do about what is slow; empty if all is well.
std::vector<std::string> advice(const Diagnosis& diagnosis);

struct DoctorOptions {
  bool json = false;
  int width = unlimited;  // columns of the terminal
};

// `lockstep doctor`: processor, BLAS and its kernel, speed reached against the best possible, threads,
// memory, CUDA, and the advice.
void doctor(std::ostream& out, const DoctorOptions& options = {});

}  // namespace lockstep::train
