#include "train/config/cause.h"

namespace lockstep::train {

std::span<const CauseInfo> causes() {
  static const std::vector<CauseInfo> all = {
      {Cause::rounding, "rounding",
       "The same weights stored in another way: sums are taken in another order, so the last digits differ."},
      {Cause::draw, "draw",
       "Other random numbers from the same distribution for the first q, k and v: no cause with a mean, but "
       "the spread between seeds that their draw alone makes."},
      {Cause::distribution, "distribution",
       "The initialiser looks at the stored (3d, d) tensor, or at every head, instead of q, k and v each: "
       "that decides how large the first weights are, and which rows of an orthogonal matrix are orthogonal "
       "to each other."},
      {Cause::coupling, "coupling",
       "The optimizer looks at the stored (3d, d) tensor, or at every head, instead of q, k and v each: that "
       "decides how large its steps are, and where they go."},
  };
  return all;
}

const CauseInfo& info(Cause cause) { return causes()[static_cast<std::size_t>(cause)]; }

std::vector<std::string> cause_keys() {
  std::vector<std::string> keys;
  for (const CauseInfo& cause : causes()) keys.push_back(cause.key);
  return keys;
}

}  // namespace lockstep::train
