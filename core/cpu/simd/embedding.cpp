// The gradient of an embedding lookup: additions of rows, bound by memory bandwidth. The compiler's
// 128-bit vectors are enough for that.
#include "core/cpu/simd/embedding.h"

#include <algorithm>

#include "core/runtime/parallel.h"

namespace lockstep::cpu {

// Each thread owns a range of the table's rows, and looks through all indices for them.
template <typename T>
void embedding_scatter_add(T* table, const T* dy, const std::int64_t* index, std::int64_t n,
                           std::int64_t vocabulary, std::int64_t width) {
  const std::int64_t grain =
      std::max<std::int64_t>(1, vocabulary * 32768 / std::max<std::int64_t>(n * width, 1));
  parallel_for(vocabulary, grain, [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = 0; i < n; ++i) {
      if (index[i] < begin || index[i] >= end) continue;
      T* const to = table + index[i] * width;
      const T* const from = dy + i * width;
      for (std::int64_t j = 0; j < width; ++j) to[j] += from[j];
    }
  });
}

template void embedding_scatter_add(float*, const float*, const std::int64_t*, std::int64_t, std::int64_t,
                                    std::int64_t);
template void embedding_scatter_add(double*, const double*, const std::int64_t*, std::int64_t, std::int64_t,
                                    std::int64_t);

}  // namespace lockstep::cpu
