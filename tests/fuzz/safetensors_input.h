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

struct InMemory : safetensors::Content {
  std::span<const std::byte> data;
  std::span<const std::byte> bytes(const safetensors::Entry& entry) const {
    return data.subspan(static_cast<size_t>(entry.begin), static_cast<size_t>(entry.bytes()));
  }
};

// The bytes of a whole file, read as safetensors::File reads one.
inline InMemory parse_whole(std::span<const std::byte> file, std::string_view name) {
  const int64_t length = safetensors::header_length(file, std::ssize(file), name);
  const auto header = file.subspan(safetensors::length_bytes, static_cast<size_t>(length));
  const auto data = file.subspan(static_cast<size_t>(safetensors::length_bytes + length));
  const std::string_view text(reinterpret_cast<const char*>(header.data()), header.size());
  return {safetensors::parse(text, std::ssize(data), name), data};
}

template <typename T>
void decode_where_it_fits(const safetensors::Entry& entry, std::span<const std::byte> bytes) {
  if (!data::fits(entry.type, dtype_of<T>())) return;
  std::vector<T> values(static_cast<size_t>(entry.size()));
  data::decode(entry.type, bytes, std::span(values));
}

// Takes any bytes as a safetensors file. They are refused with an Error, or every byte of data belongs to one
// tensor and can be read, and writing the header again gives the same tensors. Returns whether they were
// accepted.
inline bool try_safetensors(std::span<const std::byte> bytes) {
  InMemory content;
  try {
    content = parse_whole(bytes, "input");
  } catch (const Error&) {
    return false;
  }
  std::vector<safetensors::Info> infos(content.entries.begin(), content.entries.end());
  std::string file = safetensors::encode_header(infos, content.metadata);
  for (const safetensors::Entry& entry : content.entries) {
    const auto stored = content.bytes(entry);
    decode_where_it_fits<float>(entry, stored);
    decode_where_it_fits<double>(entry, stored);
    decode_where_it_fits<int64_t>(entry, stored);
    decode_where_it_fits<uint8_t>(entry, stored);
    file.append(reinterpret_cast<const char*>(stored.data()), stored.size());
  }
  const InMemory again = parse_whole(std::as_bytes(std::span(file)), "written again");
  const bool same = again.metadata == content.metadata &&
                    std::vector<safetensors::Info>(again.entries.begin(), again.entries.end()) == infos;
  if (!same) std::abort();
  return true;
}

}  // namespace lockstep
