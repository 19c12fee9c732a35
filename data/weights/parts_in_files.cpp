#include "data/weights/parts_in_files.h"

#include <algorithm>

#include "data/weights/attention_layouts.h"

namespace lockstep::data {

using nlohmann::json;

json to_json(const std::vector<LogicalPart>& parts) {
  json list = json::array();
  for (const LogicalPart& part : parts) list.push_back({part.name, part.begin, part.end, part.heads});
  return list;
}

json parse_json(const std::string& text, const std::string& where) {
  json value = json::parse(text, nullptr, false);
  check(!value.is_discarded(), "[weights] {}: what it says of logical parts and layouts is no JSON", where);
  return value;
}

void say_parts(StoredTensor& tensor, const json& list) {
  std::vector<LogicalPart> parts;
  std::int64_t end = 0;
  try {
    for (const json& item : list) {
      LogicalPart part{item.at(0).get<std::string>(), item.at(1).get<std::int64_t>(),
                       item.at(2).get<std::int64_t>(), item.at(3).get<int>()};
      check(part.begin == end && part.end >= part.begin && part.heads > 0, "out of order");
      end = part.end;
      parts.push_back(std::move(part));
    }
    check(end == tensor.rows() && !parts.empty(), "incomplete");
  } catch (const std::exception&) {  // json's or Error
    fail("[weights] {}: its logical parts in the file don't cover its {} rows", tensor.name, tensor.rows());
  }
  tensor.parts = std::move(parts);
  tensor.parts_said = true;
}

std::set<std::string> parts_to_say(const std::vector<StoredTensor>& tensors) {
  std::vector<StoredTensor> unsaid = tensors;
  for (StoredTensor& tensor : unsaid) tensor.parts_said = false;
  give_parts(unsaid);
  std::set<std::string> names;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const bool same =
        std::ranges::equal(tensors[i].parts, unsaid[i].parts, [](const LogicalPart& a, const LogicalPart& b) {
          return a.name == b.name && a.begin == b.begin && a.end == b.end && a.heads == b.heads;
        });
    if (!same && !tensors[i].parts.empty()) names.insert(tensors[i].name);
  }
  return names;
}

}  // namespace lockstep::data
