#pragma once

#include <map>
#include <string>

#include "data/weights/weights.h"

namespace lockstep {

// The networks of tests/fixtures/state_dicts.json: PyTorch's, MONAI's and Hugging Face's names, types and
// shapes, with values that differ in every element.
std::map<std::string, data::Weights> public_networks();

// A tensor whose bytes count on from `first`.
data::StoredTensor counting_tensor(const std::string& name, const std::string& type,
                                   const std::vector<std::int64_t>& shape, std::size_t first);

}  // namespace lockstep
