// Device memory: allocations in rising order, never handed out twice, with gaps between them.
#pragma once

#include "tests/cuda_on_host/checker.h"

namespace cuda_on_host {

struct Cell {  // the last write and read of a word: by whom and when. Readers: a thread, of_warp + a warp, or
               // many.
  std::uint32_t writer, write_time, reader, read_time;
};

Region device_memory();
// A byte for each word of device memory says which of its bytes belong to an allocation (high half) and which
// were written (low half).
std::uint8_t* word_states();
Cell* word_cells();
// Whether these bytes belong to allocations, and were written.
bool is_allocated(Address begin, std::size_t bytes);
bool is_written(Address begin, std::size_t bytes);
void mark_written(Address begin, std::size_t bytes);

}  // namespace cuda_on_host
