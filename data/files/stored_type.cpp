#include "data/files/stored_type.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <initializer_list>

#include "data/files/half.h"

namespace lockstep::data {

namespace {

constexpr std::array<StoredType, 17> types = {{{"bool", "BOOL", 1},
                                               {"u8", "U8", 1},
                                               {"i8", "I8", 1},
                                               {"f8_e4m3", "F8_E4M3", 1},
                                               {"f8_e5m2", "F8_E5M2", 1},
                                               {"f8_e8m0", "F8_E8M0", 1},
                                               {"u16", "U16", 2},
                                               {"i16", "I16", 2},
                                               {"f16", "F16", 2},
                                               {"bf16", "BF16", 2},
                                               {"u32", "U32", 4},
                                               {"i32", "I32", 4},
                                               {"f32", "F32", 4},
                                               {"u64", "U64", 8},
                                               {"i64", "I64", 8},
                                               {"f64", "F64", 8},
                                               {"c64", "C64", 8}}};

template <typename Stored, typename T, typename Convert>
void convert_all(std::span<const std::byte> bytes, std::span<T> out, Convert convert) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    Stored value;
    std::memcpy(&value, bytes.data() + i * sizeof value, sizeof value);
    out[i] = static_cast<T>(convert(value));
  }
}

template <typename Stored, typename T>
void widen(std::span<const std::byte> bytes, std::span<T> out) {
  if constexpr (std::same_as<Stored, T>) {
    if (!out.empty()) std::memcpy(out.data(), bytes.data(), out.size_bytes());
  } else {
    convert_all<Stored>(bytes, out, [](Stored value) { return value; });
  }
}

}  // namespace

std::span<const StoredType> stored_types() { return types; }

const StoredType* find_stored_type(std::string_view name) {
  const auto found = std::ranges::find(types, name, &StoredType::name);
  return found == types.end() ? nullptr : &*found;
}

bool fits(std::string_view stored, DType dtype) {
  auto one_of = [&](std::initializer_list<std::string_view> names) {
    return std::ranges::find(names, stored) != names.end();
  };
  const bool small = one_of({"bool", "u8", "i8", "u16", "i16"});  // whole numbers that a float holds
  switch (dtype) {
    case DType::f32:
      return small || one_of({"f16", "bf16", "f32"});
    case DType::f64:
      return small || one_of({"f16", "bf16", "f32", "f64", "u32", "i32"});
    case DType::i64:
      return small || one_of({"u32", "i32", "i64"});
    case DType::u8:
      return one_of({"bool", "u8"});
  }
  return false;
}

template <Decoded T>
void decode(std::string_view stored, std::span<const std::byte> bytes, std::span<T> out) {
  const StoredType* type = find_stored_type(stored);
  check(type && (fits(stored, dtype_of<T>()) || (std::same_as<T, float> && stored == "f64")),
        "[file] {} doesn't fit into {} without loss", stored, name_of(dtype_of<T>()));
  check(bytes.size() == out.size() * static_cast<std::size_t>(type->bytes),
        "[file] {} bytes are not {} numbers of type {}", bytes.size(), out.size(), stored);
  if (stored == "bool") return convert_all<uint8_t>(bytes, out, [](uint8_t value) { return value != 0; });
  if (stored == "u8") return widen<uint8_t>(bytes, out);
  if (stored == "i8") return widen<int8_t>(bytes, out);
  if (stored == "u16") return widen<uint16_t>(bytes, out);
  if (stored == "i16") return widen<int16_t>(bytes, out);
  if (stored == "f16") return convert_all<uint16_t>(bytes, out, half_to_float);
  if (stored == "bf16") return convert_all<uint16_t>(bytes, out, bfloat16_to_float);
  if (stored == "u32") return widen<uint32_t>(bytes, out);
  if (stored == "i32") return widen<int32_t>(bytes, out);
  if (stored == "f32") return widen<float>(bytes, out);
  if (stored == "i64") return widen<int64_t>(bytes, out);
  return widen<double>(bytes, out);
}

template void decode(std::string_view, std::span<const std::byte>, std::span<float>);
template void decode(std::string_view, std::span<const std::byte>, std::span<double>);
template void decode(std::string_view, std::span<const std::byte>, std::span<int64_t>);
template void decode(std::string_view, std::span<const std::byte>, std::span<uint8_t>);

}  // namespace lockstep::data
