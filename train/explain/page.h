#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "train/explain/explained_run.h"

namespace lockstep::train {

// A page that still opens at once, and may be sent by mail.
inline constexpr std::size_t largest_page = 3'000'000;  // bytes

// One page that loads nothing: the weights of one run, or of two side by side, at as many kept steps as fit
// into largest_page (the first and the last in f32 where they can, others in f16), what Lockstep computes
// with them on an example, and the program that computes it again and shows it. Throws where not even one
// step fits, and for two runs that check_pair() refuses. The models are left with other weights.
struct ExplainPage {
  std::string html;
  std::vector<std::string> notes;  // what was left out, for people
};
ExplainPage explain_page(std::vector<ExplainedRun>& runs);

// A file of train/explain/ by its name, built into the program by CMake.
std::string_view explain_file(std::string_view name);

}  // namespace lockstep::train
