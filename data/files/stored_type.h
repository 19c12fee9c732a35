#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "core/dtype.h"

namespace lockstep::data {

// The types of numbers that files hold, by name: "bool", "u8", "i8", "u16", "i16", "u32", "i32", "u64",
// "i64", "f8_e4m3", "f8_e5m2", "f8_e8m0", "f16", "bf16", "f32", "f64", "c64" (two f32). In memory they are
// little endian.
struct StoredType {
  std::string_view name, in_safetensors;  // "bf16", "BF16"
  std::int64_t bytes;                     // of an element
};
std::span<const StoredType> stored_types();
const StoredType* find_stored_type(std::string_view name);  // null where it is none of them

// True where every value of a stored type has an equal value of this element type.
bool fits(std::string_view stored, DType dtype);

template <typename T>
concept Decoded =
    std::same_as<T, float> || std::same_as<T, double> || std::same_as<T, int64_t> || std::same_as<T, uint8_t>;

// The numbers that `bytes` hold, which need not be aligned. T must be a type that the stored one fits(), or
// float for stored f64: those are rounded to the nearest. Throws for others, and unless `out` has as many
// numbers as the bytes hold.
template <Decoded T>
void decode(std::string_view stored, std::span<const std::byte> bytes, std::span<T> out);

}  // namespace lockstep::data
