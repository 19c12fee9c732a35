#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/parameter.h"

namespace lockstep::train {

enum class EmbeddedType : std::uint8_t { f32, f16 };

// Parameters in f64 as base64 (RFC 4648) of little-endian f32 or f16, one after another. They stay rounded:
// whatever is computed with them afterwards is computed with what is embedded.
std::string embedded_weights(const ParameterList& parameters, EmbeddedType type);

// How long that is.
std::size_t embedded_size(std::int64_t count, EmbeddedType type);

// One step of the kept ones, and how precisely.
struct EmbeddedStep {
  std::size_t index = 0;
  EmbeddedType type = EmbeddedType::f32;
};

// Which of `steps` steps of `count` weights fit into so many bytes, each with `overhead` bytes beside it: the
// last, the first, then others spread evenly. Ends are f32 if both fit, else all are f16. Empty where not
// even the last fits.
std::vector<EmbeddedStep> choose_steps(std::size_t steps, std::int64_t count, std::size_t overhead,
                                       std::size_t bytes);

}  // namespace lockstep::train
