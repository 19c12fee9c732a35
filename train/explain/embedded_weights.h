#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "core/parameter.h"

namespace lockstep::train {

// How precisely weights stand in a page.
enum class EmbeddedType : std::uint8_t { f32, f16 };

// RFC 4648.
std::string base64(std::span<const std::uint8_t> bytes);

// Parameters in f64 as little-endian f32 or f16, one after another. They stay rounded: whatever is computed
// with them afterwards is computed with what is embedded.
std::vector<std::uint8_t> embedded_bytes(const ParameterList& parameters, EmbeddedType type);

// What two runs of one function differ by is a few units of the last place. Each number's bits less those of
// `before`, d, as the LEB128 of 2 d or, where d < 0, of -2 d - 1; after a 0, how many more zeros follow.
std::vector<std::uint8_t> embedded_difference(std::span<const std::uint8_t> bytes,
                                              std::span<const std::uint8_t> before, EmbeddedType type);

// One step of the kept ones, and how precisely.
struct EmbeddedStep {
  std::size_t index = 0;
  EmbeddedType type = EmbeddedType::f32;
  auto operator<=>(const EmbeddedStep&) const = default;
};

// Which of `steps` steps fit into so many bytes, where size(step) is what one takes: the last, the first,
// then others spread evenly. Ends are f32 if both fit, else all are f16. Empty where not even the last fits.
std::vector<EmbeddedStep> choose_steps(std::size_t steps,
                                       const std::function<std::size_t(const EmbeddedStep&)>& size,
                                       std::size_t bytes);

}  // namespace lockstep::train
