#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "core/error.h"
#include "data/files/safetensors.h"

namespace lockstep {

template <typename T>
void read_or_refuse(const safetensors::Entry& entry) {
  std::vector<T> values(static_cast<size_t>(entry.size()));
  try {
    entry.read(std::span(values));
  } catch (const Error&) {  // of a type that doesn't fit into T
  }
}

// Takes any bytes as a safetensors file. They are refused with an Error, or every byte of data belongs to one
// tensor and can be read, and writing the header again gives the same tensors. Returns whether they were
// accepted.
inline bool try_safetensors(std::span<const std::byte> bytes) {
  safetensors::Content content;
  try {
    content = safetensors::parse(bytes, "input");
  } catch (const Error&) {
    return false;
  }
  std::vector<safetensors::Info> infos(content.entries.begin(), content.entries.end());
  std::string file = safetensors::encode_header(infos, content.metadata);
  for (const safetensors::Entry& entry : content.entries) {
    read_or_refuse<float>(entry);
    read_or_refuse<double>(entry);
    read_or_refuse<int64_t>(entry);
    read_or_refuse<uint8_t>(entry);
    file.append(reinterpret_cast<const char*>(entry.bytes.data()), entry.bytes.size());
  }
  const safetensors::Content again = safetensors::parse(std::as_bytes(std::span(file)), "written again");
  const bool same = again.metadata == content.metadata &&
                    std::vector<safetensors::Info>(again.entries.begin(), again.entries.end()) == infos;
  if (!same) std::abort();
  return true;
}

}  // namespace lockstep
