#include "train/explain/embedded_weights.h"

#include <algorithm>
#include <bit>

#include "core/error.h"
#include "data/files/half.h"

namespace lockstep::train {

namespace {

void append(std::vector<std::uint8_t>& bytes, std::uint32_t bits, int count) {
  for (int i = 0; i < count; ++i) bytes.push_back(static_cast<std::uint8_t>(bits >> 8 * i));
}

// `chosen` of them, the last and the first among them.
std::vector<EmbeddedStep> spread(std::size_t chosen, std::size_t steps, bool precise) {
  std::vector<EmbeddedStep> result;
  for (std::size_t i = 0; i < chosen; ++i) {
    const std::size_t index = chosen == 1 ? steps - 1 : (i * (steps - 1) + (chosen - 1) / 2) / (chosen - 1);
    const bool end = index == 0 || index == steps - 1;
    result.push_back({index, end && precise ? EmbeddedType::f32 : EmbeddedType::f16});
  }
  return result;
}

void append_leb128(std::vector<std::uint8_t>& bytes, std::uint64_t number) {
  for (; number >= 128; number >>= 7) bytes.push_back(static_cast<std::uint8_t>(number | 128));
  bytes.push_back(static_cast<std::uint8_t>(number));
}

std::int64_t number_at(std::span<const std::uint8_t> bytes, std::size_t at, std::size_t width) {
  std::int64_t bits = 0;
  for (std::size_t i = width; i-- > 0;) bits = bits << 8 | bytes[at + i];
  return bits;
}

}  // namespace

std::string base64(std::span<const std::uint8_t> bytes) {
  static constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t there = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j) group = group << 8 | (j < there ? bytes[i + j] : 0U);
    for (std::size_t j = 0; j < 4; ++j) text += j <= there ? digits[group >> (18 - 6 * j) & 63U] : '=';
  }
  return text;
}

std::vector<std::uint8_t> embedded_bytes(const ParameterList& parameters, EmbeddedType type) {
  std::vector<std::uint8_t> bytes;
  for (const Parameter& parameter : parameters) {
    const auto count = static_cast<std::size_t>(parameter.tensor.numel());
    for (double& value : std::span(parameter.tensor.data<double>(), count)) {
      if (type == EmbeddedType::f32) {
        const auto rounded = static_cast<float>(value);
        value = rounded;
        append(bytes, std::bit_cast<std::uint32_t>(rounded), 4);
      } else {
        const std::uint16_t half = data::to_half(value);
        value = data::half_to_float(half);
        append(bytes, half, 2);
      }
    }
  }
  return bytes;
}

std::vector<std::uint8_t> embedded_difference(std::span<const std::uint8_t> bytes,
                                              std::span<const std::uint8_t> before, EmbeddedType type) {
  check(bytes.size() == before.size(), "cannot take {} bytes from {}", before.size(), bytes.size());
  const std::size_t width = type == EmbeddedType::f32 ? 4 : 2;
  const auto difference = [&](std::size_t at) {
    return number_at(bytes, at, width) - number_at(before, at, width);
  };
  std::vector<std::uint8_t> result;
  for (std::size_t at = 0; at < bytes.size(); at += width) {
    const std::int64_t d = difference(at);
    append_leb128(result, static_cast<std::uint64_t>(d < 0 ? -2 * d - 1 : 2 * d));
    if (d != 0) continue;
    std::uint64_t more = 0;
    for (; at + width < bytes.size() && difference(at + width) == 0; at += width) ++more;
    append_leb128(result, more);
  }
  return result;
}

std::vector<EmbeddedStep> choose_steps(std::size_t steps,
                                       const std::function<std::size_t(const EmbeddedStep&)>& size,
                                       std::size_t bytes) {
  for (const bool precise : {true, false}) {
    for (std::size_t chosen = steps; chosen >= (precise ? std::min<std::size_t>(steps, 2) : 1); --chosen) {
      std::vector<EmbeddedStep> list = spread(chosen, steps, precise);
      std::size_t total = 0;
      for (const EmbeddedStep& step : list) total += size(step);
      if (total <= bytes) return list;
    }
  }
  return {};
}

}  // namespace lockstep::train
