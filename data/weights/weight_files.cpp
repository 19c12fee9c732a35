#include <algorithm>
#include <cstring>
#include <filesystem>
#include <memory>

#include "core/ops/views.h"
#include "data/files/half.h"
#include "data/files/safetensors.h"
#include "data/files/sizes.h"
#include "data/weights/attention_layouts.h"
#include "data/weights/parts_in_files.h"
#include "data/weights/weights.h"

namespace lockstep::data {
namespace {

using nlohmann::json;

// What a file says of its tensors: in safetensors' metadata {name: ...}, in HDF5 attributes of the data set.
constexpr const char* parts_key = "lockstep.parts";
constexpr const char* layouts_key = "lockstep.layouts";
constexpr const char* parts_attribute = "parts";
constexpr const char* layout_attribute = "layout";

constexpr std::string_view index_end = ".safetensors.index.json";

bool is_index(const std::string& path) { return path.ends_with(index_end); }

void expect_known_ending(const std::string& path) {
  check(is_index(path) || is_hdf5(path) || path.ends_with(".safetensors"),
        "[weights] {}: expected a name that ends in .safetensors or .h5, or in {} for shards", path,
        index_end);
}

// Takes a key out of the metadata: what it says of tensors, by name.
json taken(Metadata& metadata, const char* key, const std::string& path) {
  const auto said = metadata.find(key);
  if (said == metadata.end()) return json::object();
  json value = parse_json(said->second, path);
  check(value.is_object(), "[weights] {}: its {} is no JSON object", path, key);
  metadata.erase(said);
  return value;
}

Weights open_safetensors(const std::string& path) {
  const auto file = std::make_shared<safetensors::File>(path);
  Weights weights{{}, file->metadata()};
  const json parts = taken(weights.metadata, parts_key, path),
             layouts = taken(weights.metadata, layouts_key, path);
  for (const safetensors::Entry& entry : file->entries()) {
    StoredTensor tensor{.name = entry.name, .shape = entry.shape, .type = entry.type};
    if (parts.contains(entry.name)) say_parts(tensor, parts[entry.name]);
    if (layouts.contains(entry.name) && layouts[entry.name].is_string()) tensor.layout = layouts[entry.name];
    tensor.bytes = [file, &entry] { return file->bytes(entry); };
    weights.tensors.push_back(std::move(tensor));
  }
  return weights;
}

// All shards that an index of Hugging Face's names.
Weights open_shards(const std::string& path) {
  const json index = json::parse(read_file(path), nullptr, false);
  check(index.is_object() && index.contains("weight_map") && index["weight_map"].is_object(),
        "[weights] {}: expected JSON with a weight_map of names and the files that hold them", path);
  std::map<std::string, std::vector<std::string>> names_in;  // by file
  for (const auto& [name, file] : index["weight_map"].items()) {
    const std::string shard = file.is_string() ? file.get<std::string>() : "";
    check(shard.ends_with(".safetensors") && shard.find('/') == std::string::npos,
          "[weights] {}: {} is said to be in \"{}\", expected a .safetensors file beside it", path, name,
          shard);
    names_in[shard].push_back(name);
  }
  Weights all;
  for (const auto& [file, names] : names_in) {
    Weights shard = open_safetensors((std::filesystem::path(path).parent_path() / file).string());
    for (const std::string& name : names) {
      check(std::ranges::find(shard.tensors, name, &StoredTensor::name) != shard.tensors.end(),
            "[weights] {}: {} is said to be in {}, and is not", path, name, file);
    }
    std::ranges::move(shard.tensors, std::back_inserter(all.tensors));
    all.metadata.merge(shard.metadata);
  }
  return all;
}

StoredTensor tensor_of(const h5::Dataset& set, const std::string& name) {
  StoredTensor tensor{.name = name, .shape = set.shape(), .type = set.type_name(), .problem = set.problem()};
  if (set.has_attribute(parts_attribute)) {
    say_parts(tensor, parse_json(set.attribute<std::string>(parts_attribute), set.name()));
  }
  if (set.has_attribute(layout_attribute)) tensor.layout = set.attribute<std::string>(layout_attribute);
  if (!set.is_elsewhere()) tensor.set = set;
  tensor.bytes = [set] { return set.read_stored(); };
  return tensor;
}

void add_children(const h5::Group& group, const std::string& prefix, bool deep, std::set<std::string>& seen,
                  std::vector<StoredTensor>& tensors) {
  constexpr std::size_t deepest = 100;
  if (!seen.insert(group.identity()).second) return;
  check(static_cast<std::size_t>(std::ranges::count(prefix, '/')) < deepest,
        "[weights] {}: groups in groups, {} deep: that is no file of weights", group.name(), deepest);
  for (const std::string& child : group.children()) {
    const std::string name = prefix + child;
    if (group.is_link(child)) {
      StoredTensor link{
          .name = name, .type = "link", .problem = "it is a link by name, which is not followed"};
      link.bytes = [name, problem = link.problem]() -> std::vector<std::byte> {
        fail("[weights] {}: {}", name, problem);
      };
      tensors.push_back(std::move(link));
    } else if (group.has_dataset(child)) {
      tensors.push_back(tensor_of(group.dataset(child), name));
    } else if (deep && group.has_group(child)) {
      add_children(group.group(child), name + "/", deep, seen, tensors);
    }
  }
}

std::vector<StoredTensor> in_group(const h5::Group& group, bool deep) {
  std::vector<StoredTensor> tensors;
  std::set<std::string> seen;
  add_children(group, "", deep, seen, tensors);
  give_parts(tensors);
  return tensors;
}

Weights open_hdf5(const std::string& path) {
  const h5::File file = h5::File::open_foreign(path);
  Weights weights{weights_below(file), {}, file};
  for (const std::string& name : file.attribute_names()) {
    try {
      weights.metadata[name] = file.attribute<std::string>(name);
    } catch (const Error&) {  // no text
    }
  }
  return weights;
}

// Real numbers as halves or bfloat16s, in memory order.
std::vector<std::byte> halved(const Tensor& x, const std::string& type) {
  std::vector<std::byte> bytes(2 * static_cast<std::size_t>(x.numel()));
  for (std::int64_t i = 0; i < x.numel(); ++i) {
    const double value = x.data<double>()[i];
    const std::uint16_t bits = type == "f16" ? to_half(value) : to_bfloat16(value);
    std::memcpy(bytes.data() + 2 * i, &bits, sizeof bits);
  }
  return bytes;
}

// With real numbers rounded to the type.
StoredTensor rounded(const StoredTensor& tensor, const std::string& type) {
  const bool real =
      tensor.type == "f16" || tensor.type == "bf16" || tensor.type == "f32" || tensor.type == "f64";
  if (!real || type.empty() || type == tensor.type) return tensor;
  StoredTensor other = tensor;
  other.type = type;
  other.made = true;
  other.bytes = [tensor, type] {
    const Tensor wide = tensor.read(DType::f64);
    if (type == "f16" || type == "bf16") return halved(wide, type);
    return stored(Parameter{tensor.name, to(wide, type == "f64" ? DType::f64 : DType::f32), {}}).bytes();
  };
  return other;
}

void save_safetensors(const std::string& path, const Weights& weights) {
  std::vector<safetensors::Info> infos;
  std::map<std::string_view, const StoredTensor*> tensors;
  json parts = json::object(), layouts = json::object();
  const std::set<std::string> to_say = parts_to_say(weights.tensors);
  for (const StoredTensor& tensor : weights.tensors) {
    const std::string obstacle = obstacle_to_saving(tensor, path);
    check(obstacle.empty(), "[weights] {} can't go to {}: {}", tensor.name, path, obstacle);
    safetensors::Info info{tensor.name, tensor.type, tensor.shape};
    if (!find_stored_type(tensor.type)) info.foreign_bytes = std::ssize(tensor.bytes());
    infos.push_back(std::move(info));
    tensors[tensor.name] = &tensor;
    if (to_say.contains(tensor.name)) parts[tensor.name] = to_json(tensor.parts);
    if (!tensor.layout.empty()) layouts[tensor.name] = tensor.layout;
  }
  Metadata metadata = weights.metadata;
  if (!parts.empty()) metadata[parts_key] = parts.dump();
  if (!layouts.empty()) metadata[layouts_key] = layouts.dump();
  safetensors::Writer writer(path, std::move(infos), metadata);
  for (const safetensors::Info& info : writer.order()) writer.write(tensors.at(info.name)->bytes());
  writer.commit();
}

std::int64_t bytes_of(const StoredTensor& tensor) {
  const StoredType* const type = find_stored_type(tensor.type);
  return type ? product_of(tensor.shape, type->bytes).value_or(0) : std::ssize(tensor.bytes());
}

void save_shards(const std::string& path, const Weights& weights, std::int64_t shard_bytes) {
  std::vector<Weights> shards;
  std::int64_t total = 0, room = 0;
  for (const StoredTensor& tensor : weights.tensors) {
    const std::int64_t bytes = bytes_of(tensor);
    if (shards.empty() || bytes > room) {
      shards.push_back({{}, weights.metadata});
      room = shard_bytes;
    }
    shards.back().tensors.push_back(tensor);
    room -= bytes;
    total += bytes;
  }
  const std::string stem = path.substr(0, path.size() - index_end.size());
  json map = json::object();
  for (std::size_t i = 0; i < shards.size(); ++i) {
    const std::string shard = fmt::format("{}-{:05}-of-{:05}.safetensors", stem, i + 1, shards.size());
    save_safetensors(shard, shards[i]);
    const std::string name = std::filesystem::path(shard).filename().string();
    for (const StoredTensor& tensor : shards[i].tensors) map[tensor.name] = name;
  }
  write_file(path, json{{"metadata", {{"total_size", total}}}, {"weight_map", map}}.dump(2) + "\n");
}

void write(h5::Group& group, const std::vector<StoredTensor>& tensors) {
  const std::set<std::string> to_say = parts_to_say(tensors);
  for (const StoredTensor& tensor : tensors) {
    const bool as_it_is = tensor.set && !tensor.made;
    h5::Dataset set = as_it_is ? group.copy(tensor.name, *tensor.set)
                               : group.write_stored(tensor.name, tensor.type, tensor.bytes(), tensor.shape);
    if (tensor.set && !as_it_is) set.copy_attributes(*tensor.set);
    for (const char* own : {parts_attribute, layout_attribute}) set.remove_attribute(own);
    if (to_say.contains(tensor.name)) set.set_attribute(parts_attribute, to_json(tensor.parts).dump());
    if (!tensor.layout.empty()) set.set_attribute(layout_attribute, tensor.layout);
  }
}

Weights weights_of(const ParameterList& parameters, const Metadata& metadata) {
  Weights weights{{}, metadata};
  for (const Parameter& parameter : parameters) weights.tensors.push_back(stored(parameter));
  return weights;
}

}  // namespace

bool is_hdf5(const std::string& path) { return path.ends_with(".h5") || path.ends_with(".hdf5"); }

std::vector<StoredTensor> weights_in(const h5::Group& group) { return in_group(group, false); }
std::vector<StoredTensor> weights_below(const h5::Group& group) { return in_group(group, true); }

Weights open_weight_file(const std::string& path) {
  expect_known_ending(path);
  Weights weights = is_index(path)  ? open_shards(path)
                    : is_hdf5(path) ? open_hdf5(path)
                                    : open_safetensors(path);
  give_parts(weights.tensors);
  return weights;
}

std::vector<StoredTensor> open_weights(const std::string& path) { return open_weight_file(path).tensors; }

std::string obstacle_to_saving(const StoredTensor& tensor, const std::string& path) {
  if (is_hdf5(path) && tensor.set && !tensor.made) return "";
  if (!tensor.problem.empty()) return tensor.problem;
  const bool known = find_stored_type(tensor.type) && tensor.type != "f8_e8m0";
  return is_hdf5(path) && !known ? fmt::format("HDF5 has no type for {}", tensor.type) : "";
}

void write_weights(h5::Group& group, const ParameterList& parameters) {
  write(group, weights_of(parameters, {}).tensors);
}

void save(const std::string& path, const Weights& weights, const std::string& type,
          std::int64_t shard_bytes) {
  expect_known_ending(path);
  const std::vector<std::string> known = {"", "f32", "f64", "f16", "bf16"};
  check(std::ranges::find(known, type) != known.end(),
        "[weights] {}: there is no type {}; expected f32, f64, f16 or bf16", path, type);
  Weights as_asked = weights;
  for (StoredTensor& tensor : as_asked.tensors) tensor = rounded(tensor, type);
  if (is_index(path)) return save_shards(path, as_asked, shard_bytes);
  if (!is_hdf5(path)) return save_safetensors(path, as_asked);
  h5::File file = h5::File::create(path);
  if (weights.attributes) file.copy_attributes(*weights.attributes);
  for (const auto& [key, value] : weights.metadata) {
    if (!file.has_attribute(key) || file.attribute<std::string>(key) != value) file.set_attribute(key, value);
  }
  write(file, as_asked.tensors);
  file.commit();
}

void save(const std::string& path, const ParameterList& parameters, const Metadata& metadata,
          const std::string& type, std::int64_t shard_bytes) {
  save(path, weights_of(parameters, metadata), type, shard_bytes);
}

}  // namespace lockstep::data
