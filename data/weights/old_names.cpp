#include "data/weights/old_names.h"

#include <algorithm>
#include <initializer_list>

namespace lockstep::data {
namespace {

using Names = std::set<std::string>;

// "blocks.0." of "blocks.0.norm3.weight" for the ending "norm3.weight"; "-" where it ends otherwise.
constexpr const char* none = "-";
std::string block_of(const std::string& name, const std::string& end) {
  if (!name.ends_with(end)) return none;
  const std::string block = name.substr(0, name.size() - end.size());
  return block.empty() || block.ends_with('.') ? block : none;
}

// What stands in a block, up to the next dot: {"norm1", "attn", ...}.
Names children(const std::string& block, const Names& names) {
  Names found;
  for (auto name = names.lower_bound(block); name != names.end() && name->starts_with(block); ++name) {
    found.insert(name->substr(block.size(), name->find('.', block.size()) - block.size()));
  }
  return found;
}

bool has_all(const Names& names, const std::string& block, std::initializer_list<const char*> ends) {
  return std::ranges::all_of(ends, [&](const char* end) { return names.contains(block + end + ".weight"); });
}

const std::string kinds[] = {"weight", "bias"};

// MONAI's TransformerBlock without a cross attention.
bool is_self_attention_block(const std::string& block, const Names& names) {
  if (!has_all(names, block, {"norm1", "norm2", "mlp.linear1", "mlp.linear2"})) return false;
  const Names there = children(block, names);
  return there.contains("attn") && !there.contains("cross_attn");
}

struct Renaming {
  std::string block, what;
  std::vector<std::pair<std::string, std::string>> modules;  // from, to, in the block
};

std::vector<Renaming> renamings_of(const Names& names, const Names& wanted) {
  std::vector<Renaming> found;
  const auto add = [&](const std::string& block, const char* old, const char* today, Renaming renaming) {
    if (!wanted.contains(block + old + ".weight") && wanted.contains(block + today + ".weight")) {
      found.push_back(std::move(renaming));
    }
  };
  for (const std::string& name : names) {
    std::string block = block_of(name, "norm3.weight");
    if (block != none && has_all(names, block, {"norm1", "mlp.linear1", "mlp.linear2"})) {
      const Names there = children(block, names);
      if (there == Names{"attn", "mlp", "norm1", "norm3"} ||
          there == Names{"attn", "cross_attn", "mlp", "norm1", "norm2", "norm3"}) {
        add(block, "norm3", "norm2",
            {block, "TransformerBlock", {{"norm2.", "norm_cross_attn."}, {"norm3.", "norm2."}}});
      }
    }
    block = block_of(name, "proj_attn.weight");
    if (block != none && has_all(names, block, {"norm", "to_q", "to_k", "to_v"}) &&
        children(block, names) == Names{"norm", "proj_attn", "to_k", "to_q", "to_v"}) {
      add(block, "proj_attn", "attn.out_proj",
          {block,
           "AttentionBlock",
           {{"to_q.", "attn.to_q."},
            {"to_k.", "attn.to_k."},
            {"to_v.", "attn.to_v."},
            {"proj_attn.", "attn.out_proj."}}});
    }
    block = block_of(name, "to_out.0.weight");
    if (block != none && has_all(names, block, {"to_q", "to_k", "to_v"}) &&
        children(block, names) == Names{"to_k", "to_out", "to_q", "to_v"}) {
      add(block, "to_out.0", "out_proj", {block, "CrossAttention", {{"to_out.0.", "out_proj."}}});
    }
  }
  return found;
}

void rename(StoredTensor& tensor, std::string name, const Renaming& renaming) {
  tensor.name_in_file = std::exchange(tensor.name, std::move(name));
  tensor.note = fmt::format("{}{} has the names of GenerativeModels (MONAI before 1.4)",
                            renaming.block.empty() ? "it: the " : renaming.block + ": the ", renaming.what);
  if (tensor.name_in_file.find("proj_attn.") != std::string::npos) {
    tensor.note +=
        "; its proj_attn is taken for out_proj, as MONAI 1.6 does, though GenerativeModels had versions "
        "that created it and never called it";
  }
  if (!tensor.parts_said) tensor.parts = {};
}

}  // namespace

std::vector<StoredTensor> with_todays_names(std::vector<StoredTensor> tensors, const Names& wanted) {
  Names names;
  for (const StoredTensor& tensor : tensors) names.insert(tensor.name);
  for (const Renaming& renaming : renamings_of(names, wanted)) {
    for (StoredTensor& tensor : tensors) {
      if (!tensor.name.starts_with(renaming.block) || !tensor.name_in_file.empty()) continue;
      const std::string rest = tensor.name.substr(renaming.block.size());
      for (const auto& [from, to] : renaming.modules) {
        if (!rest.starts_with(from)) continue;
        rename(tensor, renaming.block + to + rest.substr(from.size()), renaming);
        break;
      }
    }
  }
  return tensors;
}

bool is_unused_norm(const std::string& name, const Names& names) {
  return std::ranges::any_of(kinds, [&](const std::string& kind) {
    const std::string block = block_of(name, "norm_cross_attn." + kind);
    return block != none && is_self_attention_block(block, names);
  });
}

std::string unused_norm_beside(const std::string& name, const Names& names) {
  for (const std::string& kind : kinds) {
    const std::string block = block_of(name, "norm2." + kind);
    const std::string unused = block + "norm_cross_attn." + kind;
    if (block != none && is_self_attention_block(block, names) && !names.contains(unused)) return unused;
  }
  return "";
}

bool is_causal_mask(const StoredTensor& tensor, const Names& names) {
  const std::string block = block_of(tensor.name, "causal_mask");
  if (block == none || tensor.shape.size() != 4) return false;
  const bool square = tensor.shape[0] == 1 && tensor.shape[1] == 1 && tensor.shape[2] == tensor.shape[3];
  return square && (has_all(names, block, {"qkv"}) || has_all(names, block, {"to_q", "to_k", "to_v"}));
}

}  // namespace lockstep::data
