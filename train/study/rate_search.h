#pragma once

#include <map>
#include <optional>

namespace lockstep::train {

// A grid of learning rates around the declared one: declared * 2^(step / 2), to three digits, so that a name
// or a table says all of it. Step 0 is the declared one itself.
double rate_at(double declared, int step);

// What came out at the steps that were tried, smaller is better. Infinite: given up, or diverged.
using TriedRates = std::map<int, double>;

// The step with the smallest value, the lowest of equals. Nothing where none is finite.
std::optional<int> best_step(const TriedRates& tried);

// The step to try next; nothing when the best one lies between two that were tried directly beside it. From
// the declared rate in strides of a factor 4, upwards first, until the best one lies inside, then in strides
// of 2 and of sqrt 2 around it: exact where the value has one minimum over the rate. Throws where the next
// one is more than a factor 4,096 from the declared rate.
std::optional<int> next_step(const TriedRates& tried);

}  // namespace lockstep::train
