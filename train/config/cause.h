#pragma once

#include <span>
#include <string>
#include <vector>

namespace lockstep::train {

// What can make the two storages train differently: a study takes it apart into these.
enum class Cause {
  rounding,      // the storage itself, from the same weights
  draw,          // other random numbers of the same distribution
  distribution,  // the initialiser looks at the stored tensor
  coupling,      // the optimizer looks at the stored tensor
};

struct CauseInfo {
  Cause cause;
  std::string key;       // in study files and on the command line
  std::string sentence;  // what it is, for a reader who has not met it
};

// All of them, in the order in which they are shown.
std::span<const CauseInfo> causes();
const CauseInfo& info(Cause cause);
std::vector<std::string> cause_keys();

}  // namespace lockstep::train
