#include "data/weights/weight_names.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <set>

namespace lockstep::data {
namespace {

// The name without `end`, where it ends so and the end begins a component: "a.qkv.weight" without
// "qkv.weight" is "a.".
std::optional<std::string> stem(std::string_view name, std::string_view end) {
  if (!name.ends_with(end)) return {};
  const std::string_view rest = name.substr(0, name.size() - end.size());
  if (!rest.empty() && rest.back() != '.') return {};
  return std::string(rest);
}

const std::string kinds[] = {"weight", "bias"};

void rename(StoredTensor& tensor, std::string name) {
  tensor.name_in_file = std::exchange(tensor.name, std::move(name));
  tensor.parts = parts_by_name(tensor.name, tensor.parts.back().end);
}

// The identity for a matrix, zeros for a bias.
Tensor identity_or_zero(const Dims& shape, DType dtype) {
  Tensor x = zeros(shape, {dtype});
  if (shape.rank() != 2) return x;
  dispatch(dtype, [&]<typename T>(T) {
    for (std::int64_t i = 0; i < shape[0]; ++i) x.data<T>()[i * (shape[1] + 1)] = T(1);
  });
  return x;
}

}  // namespace

std::vector<LogicalPart> parts_by_name(std::string_view name, std::int64_t rows) {
  for (const std::string& kind : kinds) {
    std::optional<std::string> block = stem(name, "qkv." + kind);
    if (!block) block = stem(name, "in_proj_" + kind);
    if (block && rows % 3 == 0) {
      const std::int64_t third = rows / 3;
      return {{*block + "q." + kind, 0, third},
              {*block + "k." + kind, third, 2 * third},
              {*block + "v." + kind, 2 * third, rows}};
    }
    for (const char* letter : {"q", "k", "v"}) {
      block = stem(name, fmt::format("to_{}.{}", letter, kind));
      if (block) return {{fmt::format("{}{}.{}", *block, letter, kind), 0, rows}};
    }
    if ((block = stem(name, "to_out.0." + kind))) return {{*block + "out_proj." + kind, 0, rows}};
  }
  return {{std::string(name), 0, rows}};
}

bool is_derived(std::string_view name) { return stem(name, "causal_mask").has_value(); }

bool is_unused_norm(std::string_view name, const std::vector<StoredTensor>& tensors) {
  for (const std::string& kind : kinds) {
    if (const auto block = stem(name, "norm_cross_attn." + kind)) {
      return std::ranges::none_of(tensors, [&](const StoredTensor& tensor) {
        return tensor.name.starts_with(*block + "cross_attn.");
      });
    }
  }
  return false;
}

void modernise(std::vector<StoredTensor>& tensors) {
  std::set<std::string> with_norm3, with_proj_attn;  // the blocks
  for (const StoredTensor& tensor : tensors) {
    if (auto block = stem(tensor.name, "norm3.weight")) with_norm3.insert(*block);
    if (auto block = stem(tensor.name, "proj_attn.weight")) with_proj_attn.insert(*block);
  }
  if (with_norm3.empty() && with_proj_attn.empty()) return;
  for (StoredTensor& tensor : tensors) {
    for (const std::string& kind : kinds) {
      auto move = [&](const std::set<std::string>& blocks, const std::string& from, const std::string& to) {
        const auto block = stem(tensor.name, from + kind);
        if (!block || !blocks.contains(*block)) return false;
        rename(tensor, *block + to + kind);
        return true;
      };
      if (move(with_norm3, "norm2.", "norm_cross_attn.") || move(with_norm3, "norm3.", "norm2.")) break;
      if (move(with_proj_attn, "to_q.", "attn.to_q.") || move(with_proj_attn, "to_k.", "attn.to_k.") ||
          move(with_proj_attn, "to_v.", "attn.to_v.")) {
        break;
      }
      const std::string old_name = tensor.name;
      if (move(with_proj_attn, "proj_attn.", "attn.out_proj.")) {
        tensor.note = fmt::format("{} was never used by the model that wrote it: {} is {}", old_name,
                                  tensor.name, kind == "weight" ? "the identity" : "zero");
        tensor.read = [shape = tensor.shape](DType dtype) { return identity_or_zero(shape, dtype); };
        break;
      }
    }
  }
}

AttentionName attention_name(std::string_view logical_name) {
  for (const std::string& kind : kinds) {
    for (const char* letter : {"q", "k", "v"}) {
      if (const auto block = stem(logical_name, fmt::format("{}.{}", letter, kind))) {
        return {fmt::format("{}to_{}.{}", *block, letter, kind), *block + "qkv." + kind};
      }
    }
  }
  return {};
}

}  // namespace lockstep::data
