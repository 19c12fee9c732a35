#include "core/cuda/blas.h"

#include <map>
#include <memory>
#include <tuple>
#include <type_traits>

#include "core/cuda/cublaslt.h"
#include "core/cuda/memory.h"
#include "core/cuda/recorder.h"
#include "core/error.h"
#include "core/runtime/observer.h"

namespace lockstep::cuda {

namespace {

// Whether the library may give parts of k to several blocks, which add up in a fixed order in the workspace:
// it fills the card where m and n do not. On an H100 sums of 512 to 768 took 0.1 to 0.8 of the time with it;
// shorter ones were not measured.
bool may_split(std::int64_t k) { return k >= 512; }
std::size_t workspace_bytes(std::int64_t k) { return std::size_t{may_split(k) ? 32u : 4u} << 20; }

void check(cublasStatus_t status, const char* what) {
  if (status != CUBLAS_STATUS_SUCCESS)
    fail("[cuda] cuBLASLt could not {}: status {}", what, static_cast<int>(status));
}

// A handle of the library's, with the function that gives it back.
template <typename T>
using Owned = std::unique_ptr<std::remove_pointer_t<T>, cublasStatus_t (*)(T)>;

Owned<cublasLtMatrixLayout_t> layout(cudaDataType_t type, std::int64_t rows, std::int64_t columns,
                                     std::int64_t leading, std::int64_t count, std::int64_t stride) {
  cublasLtMatrixLayout_t made = nullptr;
  check(cublaslt().layout_create(&made, type, static_cast<std::uint64_t>(rows),
                                 static_cast<std::uint64_t>(columns), leading),
        "describe a matrix");
  Owned<cublasLtMatrixLayout_t> owned(made, cublaslt().layout_destroy);
  if (count > 1) {
    const auto batch = static_cast<std::int32_t>(count);
    check(cublaslt().layout_set(made, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &batch, sizeof batch),
          "describe a batch");
    check(cublaslt().layout_set(made, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &stride, sizeof stride),
          "describe a batch");
  }
  return owned;
}

// The largest power of two, up to 256, that divides the addresses of all matrices.
template <typename T>
std::uint32_t alignment(const Matrices<T>& x, std::int64_t count) {
  std::uintptr_t bits = reinterpret_cast<std::uintptr_t>(x.data) | 256;
  if (count > 1) bits |= static_cast<std::uintptr_t>(x.stride) * sizeof(T);
  return static_cast<std::uint32_t>(bits & (~bits + 1));
}

// All that the choice of an algorithm may depend on: what a thread multiplied before must not change a run's
// bits.
using Key = std::tuple<cudaDataType_t, cublasComputeType_t, std::int64_t, std::int64_t, std::int64_t,
                       std::int64_t, bool, bool, std::int64_t, std::int64_t, std::int64_t, bool, bool,
                       std::uint32_t, std::uint32_t, std::uint32_t, std::uint32_t>;

// What this thread keeps: handle, workspaces by size and the algorithms it has looked up.
struct Library {
  Library() {
    const auto lock = whole_device();
    check(cublaslt().create(&handle), "start");
  }
  ~Library() {
    const auto lock = whole_device();
    cublaslt().destroy(handle);
  }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  std::byte* workspace(std::size_t bytes) {
    DeviceBytes& memory = workspaces[bytes];
    if (!memory) memory = allocate_apart(bytes);
    return memory.get();
  }

  cublasLtHandle_t handle = nullptr;
  std::map<std::size_t, DeviceBytes> workspaces;
  std::map<Key, cublasLtMatmulAlgo_t> algorithms;
};

template <typename T>
struct TypesOf;
template <>
struct TypesOf<float> {
  static constexpr cudaDataType_t data = CUDA_R_32F;
  static constexpr cublasComputeType_t compute = CUBLAS_COMPUTE_32F;
};
template <>
struct TypesOf<double> {
  static constexpr cudaDataType_t data = CUDA_R_64F;
  static constexpr cublasComputeType_t compute = CUBLAS_COMPUTE_64F;
};

// The library's matrices are column by column, so it computes c^T = op(b)^T op(a)^T: a matrix of ours is the
// transpose of one of its own, and the bias of our columns is that of its rows.
template <typename T>
void start(std::int64_t count, std::int64_t m, std::int64_t n, std::int64_t k, const Matrices<const T>& a,
           const Matrices<const T>& b, const Matrices<T>& c, const Addend<T>& addend, const T* bias,
           bool tf32) {
  thread_local Library library;
  const CublasLt& lt = cublaslt();
  constexpr auto type = TypesOf<T>::data;
  cublasLtMatmulDesc_t made = nullptr;
  const cublasComputeType_t compute = tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : TypesOf<T>::compute;
  check(lt.desc_create(&made, compute, type), "describe a product");
  const Owned<cublasLtMatmulDesc_t> product(made, lt.desc_destroy);
  const auto set = [&](cublasLtMatmulDescAttributes_t attribute, const auto& value) {
    check(lt.desc_set(made, attribute, &value, sizeof value), "describe a product");
  };
  set(CUBLASLT_MATMUL_DESC_TRANSA, b.transposed ? CUBLAS_OP_T : CUBLAS_OP_N);
  set(CUBLASLT_MATMUL_DESC_TRANSB, a.transposed ? CUBLAS_OP_T : CUBLAS_OP_N);
  if (bias != nullptr) {
    set(CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_BIAS);
    set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias);
  }
  const auto of_b = layout(type, b.transposed ? k : n, b.transposed ? n : k, b.leading, count, b.stride);
  const auto of_a = layout(type, a.transposed ? m : k, a.transposed ? k : m, a.leading, count, a.stride);
  const auto of_c = layout(type, n, m, c.leading, count, c.stride);

  const T* const addend_data = addend.data != nullptr ? addend.data : c.data;
  const std::uint32_t align_a = alignment(a, count), align_b = alignment(b, count),
                      align_c = alignment(c, count),
                      align_addend =
                          alignment(Matrices<const T>{addend_data, false, c.leading, c.stride}, count);
  const std::size_t workspace = workspace_bytes(k);
  const Key key{type,
                compute,
                count,
                m,
                n,
                k,
                a.transposed,
                b.transposed,
                a.leading,
                b.leading,
                c.leading,
                addend.data != nullptr,
                bias != nullptr,
                align_a,
                align_b,
                align_c,
                align_addend};
  auto found = library.algorithms.find(key);
  std::unique_lock<std::recursive_mutex> lock;  // the first product of its kind loads kernels
  if (found == library.algorithms.end()) {
    lock = whole_device();
    cublasLtMatmulPreference_t wanted = nullptr;
    check(lt.preference_create(&wanted), "look for an algorithm");
    const Owned<cublasLtMatmulPreference_t> preference(wanted, lt.preference_destroy);
    const auto prefer = [&](cublasLtMatmulPreferenceAttributes_t attribute, const auto& value) {
      check(lt.preference_set(wanted, attribute, &value, sizeof value), "look for an algorithm");
    };
    prefer(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, std::uint64_t{workspace});
    prefer(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
           static_cast<std::uint32_t>(may_split(k) ? CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE
                                                   : CUBLASLT_REDUCTION_SCHEME_NONE));
    prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, align_b);
    prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, align_a);
    prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, align_addend);
    prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, align_c);
    cublasLtMatmulHeuristicResult_t result{};
    int results = 0;
    check(lt.heuristic(library.handle, made, of_b.get(), of_a.get(), of_c.get(), of_c.get(), wanted, 1,
                       &result, &results),
          "look for an algorithm");
    if (results == 0)
      fail("[cuda] cuBLASLt has no algorithm for a product of ({}, {}) and ({}, {})", m, k, k, n);
    found = library.algorithms.emplace(key, result.algo).first;
  }
  check(lt.matmul(library.handle, made, &addend.factor, b.data, of_b.get(), a.data, of_a.get(), &addend.share,
                  addend_data, of_c.get(), c.data, of_c.get(), &found->second, library.workspace(workspace),
                  workspace, stream()),
        "multiply");
}

}  // namespace

template <typename T>
bool adds_bias() {
  return std::is_same_v<T, float>;
}

template <typename T>
void gemm(std::int64_t count, std::int64_t m, std::int64_t n, std::int64_t k, const Matrices<const T>& a,
          const Matrices<const T>& b, const Matrices<T>& c, const Addend<T>& addend, const T* bias) {
  if (Observer* const observer = Observer::current())
    observer->product({count, a.transposed, b.transposed, m, n, k, addend.data != nullptr});
  const bool tf32 = rounds_to_tf32<T>();
  submit([=] { start<T>(count, m, n, k, a, b, c, addend, bias, tf32); },
         reinterpret_cast<const void*>(&start<T>), count, m, n, k, a, b, c, addend, bias, tf32);
}

template void gemm(std::int64_t, std::int64_t, std::int64_t, std::int64_t, const Matrices<const float>&,
                   const Matrices<const float>&, const Matrices<float>&, const Addend<float>&, const float*);
template void gemm(std::int64_t, std::int64_t, std::int64_t, std::int64_t, const Matrices<const double>&,
                   const Matrices<const double>&, const Matrices<double>&, const Addend<double>&,
                   const double*);
template bool adds_bias<float>();
template bool adds_bias<double>();

}  // namespace lockstep::cuda
