#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <type_traits>

#include "core/error.h"

namespace lockstep {

// Element types. f32 and f64 are differentiable; i64 holds indices, u8 masks and conditions (0 or 1).
enum class DType : std::uint8_t { f32, f64, i64, u8 };

constexpr std::size_t size_of(DType dtype) {  // bytes of an element
  switch (dtype) {
    case DType::f32:
      return 4;
    case DType::f64:
      return 8;
    case DType::i64:
      return 8;
    case DType::u8:
      return 1;
  }
  return 0;
}

constexpr std::string_view name_of(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return "f32";
    case DType::f64:
      return "f64";
    case DType::i64:
      return "i64";
    case DType::u8:
      return "u8";
  }
  return "?";
}

// The largest finite number of a real type.
constexpr double largest_of(DType dtype) {
  return dtype == DType::f32 ? std::numeric_limits<float>::max() : std::numeric_limits<double>::max();
}

// The distance from 1 to the next number of a real type.
constexpr double epsilon_of(DType dtype) {
  return dtype == DType::f32 ? std::numeric_limits<float>::epsilon() : std::numeric_limits<double>::epsilon();
}

constexpr bool is_real(DType dtype) { return dtype == DType::f32 || dtype == DType::f64; }

template <typename T>
constexpr DType dtype_of() {
  if constexpr (std::is_same_v<T, float>) return DType::f32;
  if constexpr (std::is_same_v<T, double>) return DType::f64;
  if constexpr (std::is_same_v<T, std::int64_t>) return DType::i64;
  if constexpr (std::is_same_v<T, std::uint8_t>) return DType::u8;
}

// Calls f(T{}) with T = float or double; throws Error for i64 and u8.
template <typename F>
decltype(auto) dispatch_real(DType dtype, F&& f) {
  if (dtype == DType::f32) return f(float{});
  if (dtype == DType::f64) return f(double{});
  fail("expected a real tensor (f32 or f64), got {}", name_of(dtype));
}

// Calls f(T{}) with the element type.
template <typename F>
decltype(auto) dispatch(DType dtype, F&& f) {
  if (dtype == DType::i64) return f(std::int64_t{});
  if (dtype == DType::u8) return f(std::uint8_t{});
  return dispatch_real(dtype, std::forward<F>(f));
}

}  // namespace lockstep
