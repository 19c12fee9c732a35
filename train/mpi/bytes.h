#pragma once

#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "core/error.h"

namespace lockstep::train::mpi {

// Values one after the other as bytes, each as it stands in memory: for messages between processes of one
// program on machines of one byte order. Read in the order in which they were written.
class ByteWriter {
 public:
  template <typename T>
  requires std::is_arithmetic_v<T> || std::is_enum_v<T> ByteWriter& put(T value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
    return *this;
  }
  ByteWriter& put(std::string_view text) {
    put(text.size());
    bytes_.append(text);
    return *this;
  }
  template <typename T>
  ByteWriter& put(const std::vector<T>& values) {
    put(values.size());
    if constexpr (std::is_arithmetic_v<T>) {
      bytes_.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
    } else {
      for (const T& value : values) put(value);
    }
    return *this;
  }
  std::string take() && { return std::move(bytes_); }

 private:
  std::string bytes_;
};

// Throws Error where the bytes end before the value does.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : left_(bytes) {}

  template <typename T>
  requires std::is_arithmetic_v<T> || std::is_enum_v<T> T get() {
    T value{};
    std::memcpy(&value, next(sizeof value), sizeof value);
    return value;
  }
  std::string text() {
    const auto size = get<std::size_t>();
    return {next(size), size};
  }
  template <typename T>
  std::vector<T> list() {
    const auto size = get<std::size_t>();
    std::vector<T> values;
    if constexpr (std::is_arithmetic_v<T>) {
      check(size <= left_.size() / sizeof(T), "a message ends within a list");
      values.resize(size);
      if (size > 0) std::memcpy(values.data(), next(size * sizeof(T)), size * sizeof(T));
    } else {
      for (std::size_t i = 0; i < size; ++i) values.push_back(text());
    }
    return values;
  }
  bool empty() const { return left_.empty(); }

 private:
  const char* next(std::size_t size) {
    check(size <= left_.size(), "a message ends {} bytes early", size - left_.size());
    const char* const begin = left_.data();
    left_.remove_prefix(size);
    return begin;
  }

  std::string_view left_;
};

}  // namespace lockstep::train::mpi
