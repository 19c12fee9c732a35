#include "core/cuda/cublaslt.h"

#include <dlfcn.h>

#include <cstdlib>

#include "core/error.h"

namespace lockstep::cuda {

namespace {

struct Loaded {
  CublasLt functions;
  std::string error;  // why there are none
};

template <typename F>
void find(void* library, const char* name, F*& function, std::string& error) {
  function = reinterpret_cast<F*>(dlsym(library, name));
  if (function == nullptr && error.empty()) error = fmt::format("the cuBLASLt library has no {}", name);
}

// LOCKSTEP_CUBLASLT names another file than the library of the toolkit that this was built with: PyTorch's
// wheels have one, too.
Loaded load() {
  Loaded found;
  CublasLt& f = found.functions;
  const char* const given = std::getenv("LOCKSTEP_CUBLASLT");
  f.library = given != nullptr ? given : fmt::format("libcublasLt.so.{}", CUBLAS_VER_MAJOR);
  void* const library = dlopen(f.library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    found.error = fmt::format(
        "the library {} is needed for matrix products and was not found ({}): install cuBLAS, or set "
        "LOCKSTEP_CUBLASLT to its file",
        f.library, dlerror());
    return found;
  }
  find(library, "cublasLtCreate", f.create, found.error);
  find(library, "cublasLtDestroy", f.destroy, found.error);
  find(library, "cublasLtMatmul", f.matmul, found.error);
  find(library, "cublasLtMatmulDescCreate", f.desc_create, found.error);
  find(library, "cublasLtMatmulDescDestroy", f.desc_destroy, found.error);
  find(library, "cublasLtMatmulDescSetAttribute", f.desc_set, found.error);
  find(library, "cublasLtMatrixLayoutCreate", f.layout_create, found.error);
  find(library, "cublasLtMatrixLayoutDestroy", f.layout_destroy, found.error);
  find(library, "cublasLtMatrixLayoutSetAttribute", f.layout_set, found.error);
  find(library, "cublasLtMatmulPreferenceCreate", f.preference_create, found.error);
  find(library, "cublasLtMatmulPreferenceDestroy", f.preference_destroy, found.error);
  find(library, "cublasLtMatmulPreferenceSetAttribute", f.preference_set, found.error);
  find(library, "cublasLtMatmulAlgoGetHeuristic", f.heuristic, found.error);
  return found;
}

const Loaded& loaded() {
  static const Loaded found = load();
  return found;
}

}  // namespace

const CublasLt& cublaslt() {
  check(loaded().error.empty(), "[cuda] {}", loaded().error);
  return loaded().functions;
}

std::string why_no_cublaslt() { return loaded().error; }

}  // namespace lockstep::cuda
