#include <algorithm>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/ops/views.h"
#include "data/files/half.h"
#include "data/files/safetensors.h"
#include "data/weights/weight_names.h"
#include "data/weights/weights.h"

namespace lockstep::data {
namespace {

using nlohmann::json;

constexpr const char* parts_key = "lockstep.parts";  // in safetensors' metadata: {name: parts}
constexpr const char* parts_attribute = "parts";     // of an HDF5 data set

std::int64_t rows_of(const Dims& shape) { return shape.empty() ? 1 : shape[0]; }

void expect_known_ending(const std::string& path) {
  check(is_hdf5(path) || path.ends_with(".safetensors"),
        "[weights] {}: expected a name that ends in .safetensors or .h5", path);
}

// True where the parts can't be told from the name alone, so that the file must say them.
bool parts_need_saying(const Parameter& parameter) {
  if (parameter.parts.empty()) return false;
  const std::vector<LogicalPart> guess = parts_by_name(parameter.name, rows_of(parameter.tensor.shape()));
  return !std::ranges::equal(parameter.parts, guess, [](const LogicalPart& a, const LogicalPart& b) {
    return a.name == b.name && a.begin == b.begin && a.end == b.end && a.heads == b.heads;
  });
}

json to_json(const std::vector<LogicalPart>& parts) {
  json list = json::array();
  for (const LogicalPart& part : parts) list.push_back({part.name, part.begin, part.end, part.heads});
  return list;
}

// The parts as a file says them. Throws unless they cover the rows in order.
std::vector<LogicalPart> parts_from(const json& list, const std::string& name, std::int64_t rows) {
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
    check(end == rows, "incomplete");
  } catch (const std::exception&) {  // json's or Error
    fail("[weights] {}: its logical parts in the file don't cover its {} rows", name, rows);
  }
  return parts;
}

json parse_json(const std::string& text, const std::string& where) {
  json value = json::parse(text, nullptr, false);
  check(!value.is_discarded(), "[weights] {}: the logical parts are no JSON", where);
  return value;
}

std::vector<StoredTensor> open_safetensors(const std::string& path) {
  const auto file = std::make_shared<safetensors::File>(path);
  const auto said = file->metadata().find(parts_key);
  const json all_parts = said == file->metadata().end() ? json::object() : parse_json(said->second, path);
  std::vector<StoredTensor> tensors;
  for (const safetensors::Entry& entry : file->entries()) {
    const Dims shape(entry.shape);
    std::string type(safetensors::name_of(entry.type));
    std::vector<LogicalPart> parts = all_parts.contains(entry.name)
                                         ? parts_from(all_parts[entry.name], entry.name, rows_of(shape))
                                         : parts_by_name(entry.name, rows_of(shape));
    auto read = [file, &entry, shape](DType dtype) {
      Tensor x = empty(shape, {dtype});
      dispatch(dtype, [&]<typename T>(T) {
        entry.read(std::span(x.data<T>(), static_cast<std::size_t>(x.numel())));
      });
      return x;
    };
    tensors.push_back({entry.name, shape, std::move(type), std::move(parts), std::move(read)});
  }
  return tensors;
}

safetensors::Type safetensors_type(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return safetensors::Type::f32;
    case DType::f64:
      return safetensors::Type::f64;
    case DType::i64:
      return safetensors::Type::i64;
    case DType::u8:
      return safetensors::Type::u8;
  }
  fail("[weights] unknown element type");
}

std::span<const std::byte> bytes_of(const Tensor& x) {
  return {static_cast<const std::byte*>(x.raw_data()),
          static_cast<std::size_t>(x.numel()) * size_of(x.dtype())};
}

// Real numbers as halves or bfloat16s, in memory order.
std::vector<uint16_t> halved(const Tensor& x, safetensors::Type type) {
  std::vector<uint16_t> bits(static_cast<std::size_t>(x.numel()));
  dispatch_real(x.dtype(), [&]<typename T>(T) {
    std::transform(x.data<T>(), x.data<T>() + x.numel(), bits.begin(), [&](T value) {
      return type == safetensors::Type::f16 ? to_half(value) : to_bfloat16(value);
    });
  });
  return bits;
}

// What real numbers are stored as; empty: as they are.
std::optional<safetensors::Type> half_type(const std::string& type) {
  if (type == "f16") return safetensors::Type::f16;
  if (type == "bf16") return safetensors::Type::bf16;
  return {};
}

// With real numbers rounded to f32 or f64, where that is asked for.
Tensor rounded(const Tensor& x, const std::string& type) {
  const Tensor plain = contiguous(x.detach());
  if (!is_real(x.dtype()) || (type != "f32" && type != "f64")) return plain;
  return to(plain, type == "f64" ? DType::f64 : DType::f32);
}

void save_safetensors(const std::string& path, const ParameterList& parameters, Metadata metadata,
                      const std::string& type) {
  const std::optional<safetensors::Type> half = half_type(type);
  std::vector<safetensors::Info> infos;
  std::map<std::string_view, const Tensor*> tensors;
  json all_parts = json::object();
  for (const Parameter& parameter : parameters) {
    const Dims& shape = parameter.tensor.shape();
    const DType dtype = parameter.tensor.dtype();
    const safetensors::Type stored = half && is_real(dtype) ? *half : safetensors_type(dtype);
    infos.push_back({parameter.name, stored, {shape.begin(), shape.end()}});
    tensors[parameter.name] = &parameter.tensor;
    if (parts_need_saying(parameter)) all_parts[parameter.name] = to_json(parameter.parts);
  }
  if (!all_parts.empty()) metadata[parts_key] = all_parts.dump();
  safetensors::Writer writer(path, std::move(infos), metadata);
  for (const safetensors::Info& info : writer.order()) {
    const Tensor x = contiguous(tensors.at(info.name)->detach());
    if (half && is_real(x.dtype())) {
      const std::vector<uint16_t> bits = halved(x, *half);
      writer.write(std::as_bytes(std::span(bits)));
    } else {
      writer.write(bytes_of(x));
    }
  }
  writer.commit();
}

}  // namespace

bool is_hdf5(const std::string& path) { return path.ends_with(".h5") || path.ends_with(".hdf5"); }

std::vector<StoredTensor> weights_in(const h5::Group& group) {
  std::vector<StoredTensor> tensors;
  for (const std::string& name : group.children()) {
    if (!group.has_dataset(name)) continue;
    const h5::Dataset set = group.dataset(name);
    const Dims shape(set.shape());
    std::vector<LogicalPart> parts =
        set.has_attribute(parts_attribute)
            ? parts_from(parse_json(set.attribute<std::string>(parts_attribute), set.name()), set.name(),
                         rows_of(shape))
            : parts_by_name(name, rows_of(shape));
    auto read = [set, shape](DType dtype) {
      Tensor x = empty(shape, {dtype});
      dispatch(dtype,
               [&]<typename T>(T) { set.read(std::span(x.data<T>(), static_cast<std::size_t>(x.numel()))); });
      return x;
    };
    tensors.push_back({name, shape, set.type_name(), std::move(parts), std::move(read)});
  }
  modernise(tensors);
  return tensors;
}

std::vector<StoredTensor> open_weights(const std::string& path) {
  expect_known_ending(path);
  if (is_hdf5(path)) return weights_in(h5::File::open(path));
  std::vector<StoredTensor> tensors = open_safetensors(path);
  modernise(tensors);
  return tensors;
}

void write_weights(h5::Group& group, const ParameterList& parameters) {
  for (const Parameter& parameter : parameters) {
    check(parameter.name.find('/') == std::string::npos, "[weights] {}: HDF5 takes '/' for a group; use '.'",
          parameter.name);
    const Tensor x = contiguous(parameter.tensor.detach());
    dispatch(x.dtype(), [&]<typename T>(T) {
      h5::Dataset set =
          group.write(parameter.name, std::span(x.data<T>(), static_cast<std::size_t>(x.numel())),
                      {x.shape().begin(), x.shape().end()});
      if (parts_need_saying(parameter)) set.set_attribute(parts_attribute, to_json(parameter.parts).dump());
    });
  }
}

void save(const std::string& path, const ParameterList& parameters, const Metadata& metadata,
          const std::string& type) {
  expect_known_ending(path);
  const std::vector<std::string> known = {"", "f32", "f64", "f16", "bf16"};
  check(std::ranges::find(known, type) != known.end(),
        "[weights] {}: there is no type {}; expected f32, f64, f16 or bf16", path, type);
  check(!is_hdf5(path) || !half_type(type), "[weights] {}: {} is written to .safetensors only", path, type);
  ParameterList as_asked = parameters;
  for (Parameter& parameter : as_asked) parameter.tensor = rounded(parameter.tensor, type);
  if (!is_hdf5(path)) return save_safetensors(path, as_asked, metadata, type);
  h5::File file = h5::File::create(path);
  for (const auto& [key, value] : metadata) file.set_attribute(key, value);
  write_weights(file, as_asked);
  file.commit();
}

}  // namespace lockstep::data
