#include <algorithm>
#include <map>
#include <set>

#include "core/ops/views.h"
#include "data/files/stored_type.h"
#include "data/weights/weight_names.h"
#include "data/weights/weights.h"

namespace lockstep::data {
namespace {

// The element type that holds what was stored.
DType natural_type(const StoredTensor& tensor) {
  for (DType dtype : {DType::u8, DType::i64, DType::f32, DType::f64}) {
    if (fits(tensor.type, dtype)) return dtype;
  }
  fail("[convert] {}: holds {}, which no element type of Lockstep holds", tensor.name, tensor.type);
}

Parameter as_it_is(const StoredTensor& tensor) {
  return {tensor.name, tensor.read(natural_type(tensor)), tensor.parts};
}

// One tensor for every part.
void append_separate(const StoredTensor& tensor, ParameterList& out) {
  const Tensor whole = tensor.read(natural_type(tensor));
  for (const LogicalPart& part : tensor.parts) {
    Tensor own = contiguous(rows(whole, {part.name, part.begin, part.end}));
    out.push_back(
        {attention_name(part.name).separate, own, {{part.name, 0, part.end - part.begin, part.heads}}});
  }
}

// q, k and v in one tensor.
Parameter combined(const std::vector<const StoredTensor*>& tensors) {
  const DType dtype = natural_type(*tensors[0]);
  Dims shape = tensors[0]->shape;
  const std::int64_t height = shape[0];
  shape[0] = 3 * height;
  Parameter result{attention_name(tensors[0]->parts[0].name).combined, empty(shape, {dtype}), {}};
  for (const StoredTensor* tensor : tensors) {
    const LogicalPart& part = tensor->parts[0];
    const std::int64_t begin = std::ssize(result.parts) * height;
    result.parts.push_back({part.name, begin, begin + height, part.heads});
    const Tensor own = tensor->read(dtype);
    const auto bytes = static_cast<std::size_t>(own.numel()) * size_of(dtype);
    std::copy_n(static_cast<const std::byte*>(own.raw_data()), bytes,
                static_cast<std::byte*>(rows(result.tensor, {part.name, begin, begin + height}).raw_data()));
  }
  return result;
}

// "x.q.weight", "x.k.weight" and "x.v.weight" for any of them; empty for other names. A cross attention has
// no combined form: its keys and values come from something else.
std::vector<std::string> siblings(const std::string& logical_name) {
  const std::string name = attention_name(logical_name).combined;
  if (name.empty() || ("." + name).find(".cross_attn.qkv.") != std::string::npos) return {};
  std::vector<std::string> names;
  for (const LogicalPart& part : parts_by_name(name, 3)) names.push_back(part.name);
  return names;
}

}  // namespace

ParameterList read_all(const std::vector<StoredTensor>& stored) {
  ParameterList out;
  for (const StoredTensor& tensor : stored) out.push_back(as_it_is(tensor));
  return out;
}

ParameterList convert(const std::vector<StoredTensor>& stored, AttentionStorage storage) {
  std::map<std::string, const StoredTensor*> alone;  // tensors that are one logical part
  for (const StoredTensor& tensor : stored) {
    if (tensor.parts.size() == 1) alone[tensor.parts[0].name] = &tensor;
  }
  ParameterList out;
  std::set<std::string> done;
  for (const StoredTensor& tensor : stored) {
    if (done.contains(tensor.name)) continue;
    const bool several = tensor.parts.size() > 1;
    const std::vector<std::string> names = siblings(tensor.parts.at(0).name);
    if (storage == AttentionStorage::separate && several && !names.empty()) {
      append_separate(tensor, out);
      continue;
    }
    std::vector<const StoredTensor*> group;
    for (const std::string& name : names) {
      const auto found = alone.find(name);
      if (found != alone.end() && found->second->shape == tensor.shape &&
          found->second->type == tensor.type) {
        group.push_back(found->second);
      }
    }
    if (storage == AttentionStorage::separate || several || group.size() != 3) {
      out.push_back(as_it_is(tensor));
      continue;
    }
    for (const StoredTensor* each : group) done.insert(each->name);
    out.push_back(combined(group));
  }
  return out;
}

}  // namespace lockstep::data
