#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace lockstep::data {

// The product of `first` and the sizes: elements, or bytes where `first` is those of an element. None where a
// size is negative or the product is 2^63 or more. Whoever asks for memory by sizes that a file says goes
// through here.
inline std::optional<std::int64_t> product_of(std::span<const std::int64_t> sizes, std::int64_t first = 1) {
  std::int64_t product = first;
  for (const std::int64_t size : sizes) {
    if (size < 0 || __builtin_mul_overflow(product, size, &product)) return {};
  }
  return product;
}

// "(1797, 8, 8)"
inline std::string shape_text(std::span<const std::int64_t> shape) {
  std::string text = "(";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + (shape.size() == 1 ? ",)" : ")");
}

}  // namespace lockstep::data
