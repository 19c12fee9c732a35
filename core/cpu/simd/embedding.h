#pragma once

#include <cstdint>

// Rows of a table, (vocabulary, width), by index; f32 and f64, contiguous. Indices must be inside the table.
namespace lockstep::cpu {

// table[index[i]] += dy[i], in the order of i whatever the number of threads.
template <typename T>
void embedding_scatter_add(T* table, const T* dy, const std::int64_t* index, std::int64_t n,
                           std::int64_t vocabulary, std::int64_t width);

}  // namespace lockstep::cpu
