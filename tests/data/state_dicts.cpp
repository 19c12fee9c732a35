#include "tests/data/state_dicts.h"

#include <nlohmann/json.hpp>

#include "data/files/atomic_file.h"
#include "data/files/sizes.h"
#include "data/files/stored_type.h"
#include "data/weights/attention_layouts.h"

namespace lockstep {

data::StoredTensor counting_tensor(const std::string& name, const std::string& type,
                                   const std::vector<std::int64_t>& shape, std::size_t first) {
  data::StoredTensor tensor{.name = name, .shape = shape, .type = type};
  const std::int64_t size = data::product_of(shape, data::find_stored_type(type)->bytes).value();
  std::vector<std::byte> bytes(static_cast<std::size_t>(size));
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const std::size_t number = first + i / 2;  // two bytes for each number, so that 65,536 differ
    bytes[i] = static_cast<std::byte>(type == "bool" ? number % 2
                                      : i % 2        ? number >> 8 & 0x3f
                                                     : number & 0xff);
  }
  tensor.bytes = [bytes] { return bytes; };
  return tensor;
}

std::map<std::string, data::Weights> public_networks() {
  const auto json = nlohmann::json::parse(data::read_file("tests/fixtures/state_dicts.json"));
  std::map<std::string, data::Weights> networks;
  for (const auto& [network, tensors] : json.items()) {
    data::Weights& weights = networks[network];
    weights.metadata = {{"format", "pt"}, {"network", network}};
    std::size_t first = 1;
    for (const auto& [name, description] : tensors.items()) {
      std::vector<std::int64_t> shape;
      for (std::size_t i = 1; i < description.size(); ++i) shape.push_back(description[i]);
      weights.tensors.push_back(counting_tensor(name, description[0], shape, first));
      first += 1000;
    }
    data::give_parts(weights.tensors);
  }
  return networks;
}

}  // namespace lockstep
