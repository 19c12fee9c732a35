#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "train/statistics/verdict.h"

namespace lockstep::train {

// As judge(), but as sure after any number of pairs, however it came about: by the evidence of e_process.h,
// corrected by e_holm(). Intervals are confidence sequences; nothing is planned further. Throws what judge()
// throws.
std::vector<Finding> judge_anytime(std::span<const Comparison> family, const Criteria& criteria = {});

// Whether one of a family of so many has its verdict, whatever comes out of the others: seeds may end here.
bool is_decided(const Comparison& comparison, std::size_t family, double alpha = Criteria{}.alpha);

// With fewer pairs nothing can be decided.
std::size_t fewest_to_decide(std::size_t family, double alpha = Criteria{}.alpha);

}  // namespace lockstep::train
