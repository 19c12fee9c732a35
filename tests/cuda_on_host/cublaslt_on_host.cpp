// cuBLASLt's calls, answered by OpenBLAS with cuBLASLt's own conventions: matrices column by column, batches
// by strides, a bias for each row. It refuses what cuBLASLt would refuse, or would compute wrongly in
// silence.
#include <algorithm>
#include <bit>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/cpu/openblas.h"
#include "core/cuda/cublaslt.h"
#include "tests/cuda_on_host/checker.h"

namespace {

using namespace cuda_on_host;

struct Desc {
  cublasComputeType_t compute;
  cudaDataType_t scale;
  cublasOperation_t trans_a = CUBLAS_OP_N, trans_b = CUBLAS_OP_N;
  cublasLtEpilogue_t epilogue = CUBLASLT_EPILOGUE_DEFAULT;
  const void* bias = nullptr;
};
struct Layout {
  cudaDataType_t type;
  std::uint64_t rows, columns;
  std::int64_t leading;
  std::int32_t count = 1;
  std::int64_t stride = 0;
};
struct Preference {
  std::uint64_t workspace = 0;
  std::uint32_t reduction = CUBLASLT_REDUCTION_SCHEME_MASK;
  std::uint32_t alignment[4] = {256, 256, 256, 256};  // the library's default
};
// What an algorithm was chosen for.
struct Algorithm {
  cudaDataType_t type;
  cublasComputeType_t compute;
  std::uint64_t m, n, k;
  bool trans_a, trans_b;
  cublasLtEpilogue_t epilogue;
  std::uint64_t workspace;
  std::uint32_t alignment[4];
};
static_assert(sizeof(Algorithm) <= sizeof(cublasLtMatmulAlgo_t));

[[noreturn]] void refuse(const std::string& what) { throw std::runtime_error("cuBLASLt: " + what); }
void expect(bool ok, const char* what) {
  if (!ok) refuse(what);
}

template <typename To>
void assign(To& to, const void* from, std::size_t bytes) {
  expect(bytes == sizeof(To), "an attribute of another size");
  std::memcpy(&to, from, bytes);
}

template <typename T>
cublasStatus_t destroy(T* handle) {
  delete handle;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t create(cublasLtHandle_t* handle) {
  *handle = reinterpret_cast<cublasLtHandle_t>(new int(0));
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t destroy_handle(cublasLtHandle_t handle) { return destroy(reinterpret_cast<int*>(handle)); }

cublasStatus_t desc_create(cublasLtMatmulDesc_t* desc, cublasComputeType_t compute, cudaDataType_t scale) {
  *desc = reinterpret_cast<cublasLtMatmulDesc_t>(new Desc{compute, scale});
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t desc_destroy(cublasLtMatmulDesc_t desc) { return destroy(reinterpret_cast<Desc*>(desc)); }
cublasStatus_t desc_set(cublasLtMatmulDesc_t handle, cublasLtMatmulDescAttributes_t attribute,
                        const void* value, std::size_t bytes) {
  Desc& desc = *reinterpret_cast<Desc*>(handle);
  if (attribute == CUBLASLT_MATMUL_DESC_TRANSA)
    assign(desc.trans_a, value, bytes);
  else if (attribute == CUBLASLT_MATMUL_DESC_TRANSB)
    assign(desc.trans_b, value, bytes);
  else if (attribute == CUBLASLT_MATMUL_DESC_EPILOGUE)
    assign(desc.epilogue, value, bytes);
  else if (attribute == CUBLASLT_MATMUL_DESC_BIAS_POINTER)
    assign(desc.bias, value, bytes);
  else
    refuse("an attribute of a product that the host layer does not know");
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t layout_create(cublasLtMatrixLayout_t* layout, cudaDataType type, std::uint64_t rows,
                             std::uint64_t columns, std::int64_t leading) {
  *layout = reinterpret_cast<cublasLtMatrixLayout_t>(new Layout{type, rows, columns, leading});
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t layout_destroy(cublasLtMatrixLayout_t layout) {
  return destroy(reinterpret_cast<Layout*>(layout));
}
cublasStatus_t layout_set(cublasLtMatrixLayout_t handle, cublasLtMatrixLayoutAttribute_t attribute,
                          const void* value, std::size_t bytes) {
  Layout& layout = *reinterpret_cast<Layout*>(handle);
  if (attribute == CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT)
    assign(layout.count, value, bytes);
  else if (attribute == CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET)
    assign(layout.stride, value, bytes);
  else
    refuse("an attribute of a matrix that the host layer does not know");
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t preference_create(cublasLtMatmulPreference_t* preference) {
  *preference = reinterpret_cast<cublasLtMatmulPreference_t>(new Preference);
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t preference_destroy(cublasLtMatmulPreference_t preference) {
  return destroy(reinterpret_cast<Preference*>(preference));
}
cublasStatus_t preference_set(cublasLtMatmulPreference_t handle,
                              cublasLtMatmulPreferenceAttributes_t attribute, const void* value,
                              std::size_t bytes) {
  Preference& preference = *reinterpret_cast<Preference*>(handle);
  switch (attribute) {
    case CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES:
      assign(preference.workspace, value, bytes);
      break;
    case CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK:
      assign(preference.reduction, value, bytes);
      break;
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES:
      assign(preference.alignment[0], value, bytes);
      break;
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES:
      assign(preference.alignment[1], value, bytes);
      break;
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES:
      assign(preference.alignment[2], value, bytes);
      break;
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES:
      assign(preference.alignment[3], value, bytes);
      break;
    default:
      refuse("a preference that the host layer does not know");
  }
  return CUBLAS_STATUS_SUCCESS;
}

// The sizes of op(a) (m, k), op(b) (k, n), d (m, n), checked.
Algorithm shape_of(const Desc& desc, const Layout& a, const Layout& b, const Layout& d) {
  const bool trans_a = desc.trans_a == CUBLAS_OP_T, trans_b = desc.trans_b == CUBLAS_OP_T;
  Algorithm shape{a.type,
                  desc.compute,
                  trans_a ? a.columns : a.rows,
                  trans_b ? b.rows : b.columns,
                  trans_a ? a.rows : a.columns,
                  trans_a,
                  trans_b,
                  desc.epilogue,
                  0,
                  {}};
  expect((trans_b ? b.columns : b.rows) == shape.k && d.rows == shape.m && d.columns == shape.n,
         "sizes that differ");
  expect(a.type == b.type && a.type == d.type && a.type == desc.scale, "types that differ");
  const bool single = a.type == CUDA_R_32F &&
                      (desc.compute == CUBLAS_COMPUTE_32F || desc.compute == CUBLAS_COMPUTE_32F_FAST_TF32);
  expect(single || (a.type == CUDA_R_64F && desc.compute == CUBLAS_COMPUTE_64F),
         "types that the host layer has not");
  for (const Layout* x : {&a, &b, &d}) {
    expect(x->leading >= static_cast<std::int64_t>(x->rows), "a leading dimension below the number of rows");
    expect(x->count == a.count, "batches that differ");
  }
  expect(d.count == 1 || d.stride >= d.leading * static_cast<std::int64_t>(d.columns - 1) +
                                         static_cast<std::int64_t>(d.rows),
         "results that overlap");
  return shape;
}

cublasStatus_t heuristic(cublasLtHandle_t, cublasLtMatmulDesc_t desc, cublasLtMatrixLayout_t a,
                         cublasLtMatrixLayout_t b, cublasLtMatrixLayout_t, cublasLtMatrixLayout_t d,
                         cublasLtMatmulPreference_t wanted, int, cublasLtMatmulHeuristicResult_t* result,
                         int* results) {
  const auto& preference = *reinterpret_cast<Preference*>(wanted);
  Algorithm chosen = shape_of(*reinterpret_cast<Desc*>(desc), *reinterpret_cast<Layout*>(a),
                              *reinterpret_cast<Layout*>(b), *reinterpret_cast<Layout*>(d));
  expect((preference.reduction & ~std::uint32_t{CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE}) == 0,
         "parts of k that are not added up in the workspace");
  chosen.workspace = preference.workspace;
  std::memcpy(chosen.alignment, preference.alignment, sizeof chosen.alignment);
  std::memcpy(&result->algo, &chosen, sizeof chosen);
  // Double precision has no epilogues.
  *results = chosen.type == CUDA_R_64F && chosen.epilogue != CUBLASLT_EPILOGUE_DEFAULT ? 0 : 1;
  return *results == 0 ? CUBLAS_STATUS_NOT_SUPPORTED : CUBLAS_STATUS_SUCCESS;
}

// Columns are checked one by one: between them there may be others' memory.
template <typename T>
void check_matrix(bool write, const T* data, const Layout& x, const char* what) {
  for (std::uint64_t column = 0; column < x.columns; ++column)
    check_whole(write, data + static_cast<std::int64_t>(column) * x.leading, x.rows * sizeof(T), what);
}

// A matrix as the tensor cores see it: 10 bits behind the leading one, rounded to the nearest.
std::vector<float> rounded_to_tf32(const float* data, const Layout& x) {
  std::vector<float> all(
      data, data + x.leading * static_cast<std::int64_t>(x.columns - 1) + static_cast<std::int64_t>(x.rows));
  for (float& value : all)
    value = std::bit_cast<float>((std::bit_cast<std::uint32_t>(value) + 0x1000u) & ~0x1fffu);
  return all;
}

template <typename T, typename Gemm>
void multiply(Gemm gemm, const Desc& desc, T alpha, T beta, const T* a, const Layout& of_a, const T* b,
              const Layout& of_b, const T* c, T* d, const Layout& of_d, const Algorithm& shape,
              const Algorithm& chosen) {
  for (std::int32_t i = 0; i < of_d.count; ++i) {
    const T *const left = a + i * of_a.stride, *const right = b + i * of_b.stride;
    T* const to = d + i * of_d.stride;
    const T* const addend = c + i * of_d.stride;
    const void* const pointers[4] = {left, right, addend, to};
    for (int p = 0; p < 4; ++p)
      expect(reinterpret_cast<std::uintptr_t>(pointers[p]) % chosen.alignment[p] == 0,
             "less alignment than the algorithm was chosen for");
    check_matrix(false, left, of_a, "a product's left factor");
    check_matrix(false, right, of_b, "a product's right factor");
    if (beta != 0) check_matrix(false, addend, of_d, "what a product is added to");
    for (std::uint64_t column = 0; beta != 0 && addend != to && column < of_d.columns; ++column) {
      const std::int64_t at = static_cast<std::int64_t>(column) * of_d.leading;
      std::copy_n(addend + at, of_d.rows, to + at);
    }
    const auto call = [&](const T* from_a, const T* from_b) {
      gemm(CblasColMajor, shape.trans_a ? CblasTrans : CblasNoTrans,
           shape.trans_b ? CblasTrans : CblasNoTrans, static_cast<int>(shape.m), static_cast<int>(shape.n),
           static_cast<int>(shape.k), alpha, from_a, static_cast<int>(of_a.leading), from_b,
           static_cast<int>(of_b.leading), beta, to, static_cast<int>(of_d.leading));
    };
    if constexpr (std::is_same_v<T, float>) {
      if (shape.compute == CUBLAS_COMPUTE_32F_FAST_TF32) {
        call(rounded_to_tf32(left, of_a).data(), rounded_to_tf32(right, of_b).data());
      } else {
        call(left, right);
      }
    } else {
      call(left, right);
    }
    check_matrix(true, to, of_d, "a product");
    if (desc.epilogue != CUBLASLT_EPILOGUE_BIAS) continue;
    const T* const bias = static_cast<const T*>(desc.bias);
    check_whole(false, bias, shape.m * sizeof(T), "a bias");
    for (std::uint64_t column = 0; column < shape.n; ++column) {
      for (std::uint64_t row = 0; row < shape.m; ++row)
        to[static_cast<std::int64_t>(column) * of_d.leading + static_cast<std::int64_t>(row)] += bias[row];
    }
  }
}

cublasStatus_t matmul(cublasLtHandle_t, cublasLtMatmulDesc_t desc_handle, const void* alpha, const void* a,
                      cublasLtMatrixLayout_t layout_a, const void* b, cublasLtMatrixLayout_t layout_b,
                      const void* beta, const void* c, cublasLtMatrixLayout_t, void* d,
                      cublasLtMatrixLayout_t layout_d, const cublasLtMatmulAlgo_t* algorithm, void* workspace,
                      std::size_t workspace_bytes, cudaStream_t stream) {
  const Desc desc = *reinterpret_cast<Desc*>(desc_handle);
  const Layout of_a = *reinterpret_cast<Layout*>(layout_a), of_b = *reinterpret_cast<Layout*>(layout_b),
               of_d = *reinterpret_cast<Layout*>(layout_d);
  Algorithm chosen;
  std::memcpy(&chosen, algorithm, sizeof chosen);
  const Algorithm shape = shape_of(desc, of_a, of_b, of_d);
  expect(chosen.type == shape.type && chosen.compute == shape.compute && chosen.m == shape.m &&
             chosen.n == shape.n && chosen.k == shape.k && chosen.trans_a == shape.trans_a &&
             chosen.trans_b == shape.trans_b && chosen.epilogue == shape.epilogue,
         "an algorithm that was chosen for another product");
  expect(workspace_bytes >= chosen.workspace, "less workspace than the algorithm was chosen for");
  check_whole(true, workspace, workspace_bytes, "a workspace");
  const auto scalars = [&](auto t) {
    using T = decltype(t);
    return std::pair(*static_cast<const T*>(alpha), *static_cast<const T*>(beta));
  };
  const auto& blas = lockstep::cpu::openblas();
  if (shape.type == CUDA_R_32F) {
    enqueue(stream, [=, s = scalars(float{}), gemm = blas.sgemm] {
      multiply(gemm, desc, s.first, s.second, static_cast<const float*>(a), of_a,
               static_cast<const float*>(b), of_b, static_cast<const float*>(c), static_cast<float*>(d), of_d,
               shape, chosen);
    });
  } else {
    enqueue(stream, [=, s = scalars(double{}), gemm = blas.dgemm] {
      multiply(gemm, desc, s.first, s.second, static_cast<const double*>(a), of_a,
               static_cast<const double*>(b), of_b, static_cast<const double*>(c), static_cast<double*>(d),
               of_d, shape, chosen);
    });
  }
  return CUBLAS_STATUS_SUCCESS;
}

}  // namespace

namespace lockstep::cuda {

// In the place of cublaslt.cpp.
const CublasLt& cublaslt() {
  static const CublasLt table{
      create,        destroy_handle, matmul,     desc_create,       desc_destroy,       desc_set,
      layout_create, layout_destroy, layout_set, preference_create, preference_destroy, preference_set,
      heuristic,     "OpenBLAS"};
  return table;
}
std::string why_no_cublaslt() { return ""; }

}  // namespace lockstep::cuda
