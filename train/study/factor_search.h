#pragma once

#include <array>
#include <map>
#include <optional>

namespace lockstep::train {

// Factors of q, k and v, in steps of sqrt 2 from 1.
using PartFactors = std::array<int, 3>;
double factor_at(int step);

// What came out with the factors that were tried, smaller is better.
using TriedFactors = std::map<PartFactors, double>;

// The factors to try next; nothing at the end of a walk that changes one of q, k and v after the other, up or
// else down as long as it helps, at most by a factor 4. Exact where the value has one minimum and the three
// don't interact.
std::optional<PartFactors> next_factors(const TriedFactors& tried);

// Those with the smallest value, the nearest to 1 of equals. Of at least one.
PartFactors best_factors(const TriedFactors& tried);

}  // namespace lockstep::train
