#include "core/cpu/openblas.h"

#include <dlfcn.h>
#include <strings.h>
#include <sys/mman.h>

#include <chrono>
#include <cstdlib>
#include <optional>
#include <vector>

#include "core/cpu/blas_check.h"
#include "core/error.h"

namespace lockstep::cpu {

namespace {

constexpr const char* library_name = "libopenblas.so.0";

// An environment variable has another value, or none, for a scope: OpenBLAS reads them while it loads, and
// nobody else, such as a child process, should see the change.
class WithVariable {
 public:
  WithVariable(const char* name, const std::optional<std::string>& value) : name_(name) {
    if (const char* old = std::getenv(name)) old_ = old;
    set(value);
  }
  ~WithVariable() { set(old_); }
  WithVariable(const WithVariable&) = delete;
  WithVariable& operator=(const WithVariable&) = delete;

 private:
  void set(const std::optional<std::string>& value) {
    if (value) {
      setenv(name_, value->c_str(), 1);
    } else {
      unsetenv(name_);
    }
  }
  const char* name_;
  std::optional<std::string> old_;
};

template <typename F>
F* function(void* library, const char* name) {
  void* const address = dlsym(library, name);
  check(address != nullptr, "[blas] {} has no {}: is it OpenBLAS?", library_name, name);
  return reinterpret_cast<F*>(address);
}

// Loads OpenBLAS with the kernel of this name, or, without a name, with the one it picks.
void* load(const std::optional<std::string>& core) {
  const WithVariable one_thread("OPENBLAS_NUM_THREADS", "1"), coretype("OPENBLAS_CORETYPE", core);
  void* const library = dlopen(library_name, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    fail("[blas] OpenBLAS is needed for matrix products: {}; on Debian: apt install libopenblas0", dlerror());
  }
  function<void(int)>(library, "openblas_set_num_threads")(1);  // the OpenMP build reads another variable
  return library;
}

std::string core_of(void* library) { return function<char*()>(library, "openblas_get_corename")(); }

bool same(const std::string& a, const char* b) { return strcasecmp(a.c_str(), b) == 0; }

bool has_avx512_kernel(const std::string& core) {
  return same(core, "SkylakeX") || same(core, "Cooperlake") || same(core, "SapphireRapids");
}

// What the SkylakeX kernels need.
bool processor_has_avx512() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512cd");
#else
  return false;
#endif
}

// Kernels to fall back on, most likely the fastest first.
std::vector<std::string> safe_cores() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return {"Haswell", "Nehalem"};
  return {"Nehalem"};
#else
  return {};
#endif
}

std::string find_wrong_product_of(void* library) {
  const auto order = [](bool transposed) { return transposed ? CblasTrans : CblasNoTrans; };
  const auto run = [&](auto* gemm) {
    return [=](bool trans_a, bool trans_b, int m, int n, int k, auto alpha, const auto* a, int lda,
               const auto* b, int ldb, auto beta, auto* c, int ldc) {
      gemm(CblasRowMajor, order(trans_a), order(trans_b), m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
    };
  };
  std::string wrong = find_wrong_product<float>(run(function<decltype(cblas_sgemm)>(library, "cblas_sgemm")));
  if (wrong.empty()) {
    wrong = find_wrong_product<double>(run(function<decltype(cblas_dgemm)>(library, "cblas_dgemm")));
  }
  return wrong;
}

// Replaces the library by itself with another kernel. False, with the library as it was, if the process holds
// on to it.
bool reload(void*& library, const std::string& core) {
  dlclose(library);
  if (void* const still_there = dlopen(library_name, RTLD_NOW | RTLD_NOLOAD)) {
    library = still_there;
    return false;
  }
  library = load(core);
  return true;
}

// The library with the kernel to be used; says in `info` which and why.
void* load_with_best_core(BlasInfo& info) {
  if (void* const loaded = dlopen(library_name, RTLD_NOW | RTLD_NOLOAD)) {
    info.core_chosen = core_of(loaded);
    info.why = "this process had loaded OpenBLAS before, so it is taken as it is";
    return loaded;
  }
  if (const char* const core = std::getenv("LOCKSTEP_BLAS_CORE")) {
    void* const library = load(core);
    info.core_chosen = core_of(library);
    check(same(info.core_chosen, core), "[blas] LOCKSTEP_BLAS_CORE={}: OpenBLAS uses {} instead", core,
          info.core_chosen);
    info.why = "LOCKSTEP_BLAS_CORE asks for it";
    return library;
  }
  const char* const wanted = std::getenv("OPENBLAS_CORETYPE");
  if (wanted != nullptr && (has_avx512_kernel(wanted) || !processor_has_avx512())) {
    void* const library = load(wanted);
    info.core_chosen = core_of(library);
    info.why = fmt::format("OPENBLAS_CORETYPE={} is set", wanted);
    return library;
  }
  void* library = load({});
  info.core_chosen = core_of(library);
  if (has_avx512_kernel(info.core_chosen) || !processor_has_avx512()) {
    info.why = "OpenBLAS picks it by itself";
  } else if (reload(library, "SkylakeX")) {
    info.why = fmt::format("OpenBLAS picks {} by itself, but the processor has AVX-512", info.core_chosen);
  } else {
    info.why = "the processor has AVX-512, but OpenBLAS could not be reloaded to use it";
  }
  // Such a setting is often made for a whole machine, for programs that cannot look and check as this one
  // does.
  if (wanted != nullptr) {
    info.why += fmt::format(
        "; OPENBLAS_CORETYPE={0} would leave AVX-512 unused and is not followed (to insist, "
        "set LOCKSTEP_BLAS_CORE={0})",
        wanted);
  }
  return library;
}

OpenBlas load_and_check() {
  const auto start = std::chrono::steady_clock::now();
  OpenBlas blas;
  void* library = load_with_best_core(blas.info);
  std::string wrong = find_wrong_product_of(library);
  for (const std::string& core : safe_cores()) {
    if (wrong.empty()) break;
    const std::string broken = core_of(library);
    if (!reload(library, core)) break;
    blas.info.why = fmt::format("{} computes wrongly on this processor ({})", broken, wrong);
    wrong = find_wrong_product_of(library);
  }
  check(
      wrong.empty(),
      "[blas] OpenBLAS computes wrongly on this processor with its {} kernels ({}): install another version, "
      "or set OPENBLAS_CORETYPE",
      core_of(library), wrong);

  blas.sgemm = function<decltype(cblas_sgemm)>(library, "cblas_sgemm");
  blas.dgemm = function<decltype(cblas_dgemm)>(library, "cblas_dgemm");
  blas.sgemv = function<decltype(cblas_sgemv)>(library, "cblas_sgemv");
  blas.dgemv = function<decltype(cblas_dgemv)>(library, "cblas_dgemv");
  blas.info.core = core_of(library);
  blas.columns_round_alike = !same(blas.info.core, "Haswell") && !same(blas.info.core, "Zen");
  blas.info.config = function<char*()>(library, "openblas_get_config")();
  blas.info.threads = function<int()>(library, "openblas_get_num_threads")();
  Dl_info place{};
  if (dladdr(reinterpret_cast<void*>(blas.sgemm), &place) != 0) blas.info.library = place.dli_fname;
  blas.info.milliseconds =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  return blas;
}

// OpenBLAS takes this much for a thread that multiplies, and tries for ever where the system has no more. It
// is mapped, not filled, so that it costs addresses alone.
void expect_room_for_its_buffer() {
  constexpr std::size_t buffer = std::size_t{128} << 20, beside_it = std::size_t{64} << 20;
  void* const room = mmap(nullptr, buffer + beside_it, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  check(room != MAP_FAILED,
        "[blas] OpenBLAS needs {} MiB of addresses for each thread, and the system gives no more: raise the "
        "limit (ulimit -v), or use fewer threads",
        (buffer + beside_it) >> 20);
  munmap(room, buffer + beside_it);
}

}  // namespace

const OpenBlas& openblas() {
  thread_local bool has_room = false;
  if (!has_room) expect_room_for_its_buffer();
  has_room = true;
  static const OpenBlas loaded = load_and_check();
  return loaded;
}

const BlasInfo& blas_info() { return openblas().info; }

}  // namespace lockstep::cpu
