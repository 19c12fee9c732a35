#pragma once

#include <nlohmann/json.hpp>
#include <set>

#include "data/weights/stored_tensor.h"

// How a file says the logical parts of its tensors, where they don't follow from their names and shapes.
namespace lockstep::data {

nlohmann::json to_json(const std::vector<LogicalPart>& parts);

// What JSON text says. Throws, with `where`, for text that is none.
nlohmann::json parse_json(const std::string& text, const std::string& where);
// Throws unless they cover the rows of the tensor in order.
void say_parts(StoredTensor& tensor, const nlohmann::json& list);

// The names of those whose parts do not follow from names and shapes.
std::set<std::string> parts_to_say(const std::vector<StoredTensor>& tensors);

}  // namespace lockstep::data
