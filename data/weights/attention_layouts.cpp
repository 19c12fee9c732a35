#include "data/weights/attention_layouts.h"

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>

#include "data/files/stored_type.h"

namespace lockstep::data {
namespace {

using ByName = std::map<std::string_view, const StoredTensor*>;

constexpr std::array<std::string_view, 3> letters = {"q", "k", "v"};

// The name without `end`, where it ends so and the end begins a component: "a.qkv.weight" without
// "qkv.weight" is "a.".
std::optional<std::string> stem(std::string_view name, std::string_view end) {
  if (!name.ends_with(end)) return {};
  const std::string_view rest = name.substr(0, name.size() - end.size());
  if (!rest.empty() && rest.back() != '.' && rest.back() != '/') return {};
  return std::string(rest);
}

const StoredTensor* find(const ByName& names, const std::string& name) {
  const auto found = names.find(name);
  return found == names.end() ? nullptr : found->second;
}

// Of "a.b.attn2.": "attn2", and what is in front of it.
std::pair<std::string, std::string> last_component(std::string block) {
  if (!block.empty()) block.pop_back();
  const std::size_t dot = block.rfind('.');
  if (dot == std::string::npos) return {"", block};
  return {block.substr(0, dot + 1), block.substr(dot + 1)};
}

bool any_below(const ByName& names, const std::string& prefix) {
  const auto next = names.lower_bound(prefix);
  return next != names.end() && next->first.starts_with(prefix);
}

// By the names that libraries give to cross attentions: MONAI and GenerativeModels cross_attn, and attn2
// beside attn1; PyTorch's decoder multihead_attn beside self_attn; Hugging Face's encoder_attn,
// crossattention, EncDecAttention.
bool is_cross(const std::string& block, const ByName& names) {
  auto [above, own] = last_component(block);
  if (own == "attn2") return any_below(names, above + "attn1.");
  if (own == "multihead_attn") return any_below(names, above + "self_attn.");
  std::ranges::transform(own, own.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return own.find("cross") != std::string::npos || own == "encoder_attn" || own == "encdecattention" ||
         above.ends_with("crossattention.");
}

// How many numbers the attention's output layer takes: 0 where no such layer is there.
std::int64_t width_of_output(const std::string& block, Arrangement arrangement, const ByName& names) {
  for (const char* output :
       {"out_proj", "proj", "c_proj", "o_proj", "dense", "to_out.0", "out_lin", "Wo", "o"}) {
    const StoredTensor* weight = find(names, fmt::format("{}{}.weight", block, output));
    if (weight && weight->shape.size() == 2)
      return weight->shape[arrangement == Arrangement::columns ? 0 : 1];
  }
  return 0;
}

// Whether the file says that these rows are something else than the parts of this attention.
bool says_otherwise(const StoredTensor& tensor, const Attention& attention, std::string_view kind,
                    std::size_t first) {
  if (!tensor.parts_said) return false;
  const std::size_t count = attention.combined() ? letters.size() : 1;
  if (tensor.parts.size() != count) return true;
  for (std::size_t i = 0; i < count; ++i) {
    if (tensor.parts[i].name != part_name(attention.block, first + i, kind)) return true;
  }
  return false;
}

// Fills in what is known of one tensor of q, k and v. False where nothing but its name speaks for that.
bool complete_combined(Attention& attention, const ByName& names) {
  const StoredTensor& weight = *attention.weights[0];
  const StoredTensor* bias = attention.biases[0];
  const bool columns = attention.layout->arrangement == Arrangement::columns;
  if (weight.shape.size() != 2 || says_otherwise(weight, attention, "weight", 0)) return false;
  const std::int64_t rows = weight.shape[columns ? 1 : 0], in = weight.shape[columns ? 0 : 1];
  if (bias && bias->shape != std::vector<std::int64_t>{rows}) return false;
  if (weight.parts_said) {
    for (std::size_t i = 0; i < letters.size(); ++i) {
      attention.rows[i] = weight.parts[i].end - weight.parts[i].begin;
      attention.heads[i] = weight.parts[i].heads;
    }
    return true;
  }
  const std::int64_t output = width_of_output(attention.block, attention.layout->arrangement, names);
  const std::int64_t width = output > 0 ? output : in;
  attention.rows.fill(width);
  if (rows % 3 == 0 && rows / 3 == width) return true;
  attention.problem = fmt::format(
      "{} has {} {}, which is not three times {}: fewer heads of keys than of queries, or something else; "
      "what of it is q, k and v is not known",
      weight.name, rows, columns ? "columns" : "rows", width);
  return output > 0;  // an attention, then, if not one that is understood
}

// The same of q, k and v in a tensor each. False where they are not beside each other.
bool complete_separate(Attention& attention) {
  const auto& [q, k, v] = std::tie(*attention.weights[0], *attention.weights[1], *attention.weights[2]);
  for (const StoredTensor* weight : attention.weights) {
    if (weight->shape.size() != 2) return false;
  }
  attention.rows = {q.shape[0], k.shape[0], v.shape[0]};
  for (std::size_t i = 0; i < letters.size(); ++i) {
    if (attention.weights[i]->parts_said) attention.heads[i] = attention.weights[i]->parts[0].heads;
  }
  const bool one_input = q.shape[1] == k.shape[1] && k.shape[1] == v.shape[1];
  attention.cross = attention.cross || !one_input;
  const auto present = [](const StoredTensor* bias) { return bias != nullptr; };
  for (std::size_t i = 0; i < letters.size(); ++i) {
    const StoredTensor* bias = attention.biases[i];
    if (bias && bias->shape != std::vector<std::int64_t>{attention.rows[i]}) return false;
    if (!bias && std::ranges::any_of(attention.biases, present)) {
      attention.problem = fmt::format("{} has no bias, and the others of {} have one",
                                      attention.weights[i]->name, attention.block);
    }
    for (const auto* kind : {&attention.weights, &attention.biases}) {
      if ((*kind)[0] && (*kind)[i] && (*kind)[0]->type != (*kind)[i]->type) {
        attention.problem = fmt::format("{} is {}, {} is {}", (*kind)[0]->name, (*kind)[0]->type,
                                        (*kind)[i]->name, (*kind)[i]->type);
      }
    }
  }
  return true;
}

// The attention whose (first) weight this is, in this layout.
std::optional<Attention> attention_of(const StoredTensor& weight, const AttentionLayout& layout,
                                      const ByName& names) {
  const std::optional<std::string> block = stem(weight.name, fmt::format("{}weight", layout.names[0]));
  if (!block) return {};
  Attention attention{.block = *block, .layout = &layout, .cross = is_cross(*block, names)};
  for (std::size_t i = 0; i < layout.names.size(); ++i) {
    for (const char* kind : {"weight", "bias"}) {
      const StoredTensor* tensor = find(names, fmt::format("{}{}{}", *block, layout.names[i], kind));
      (kind[0] == 'w' ? attention.weights : attention.biases).push_back(tensor);
      if (!tensor && kind[0] == 'w') return {};
      if (tensor && says_otherwise(*tensor, attention, kind, i)) return {};
    }
  }
  if (!(attention.combined() ? complete_combined(attention, names) : complete_separate(attention))) return {};
  for (const auto* kind : {&attention.weights, &attention.biases}) {
    for (const StoredTensor* tensor : *kind) {
      if (tensor && !find_stored_type(tensor->type)) {
        attention.problem =
            fmt::format("{} is {}, which cannot be cut into rows", tensor->name, tensor->type);
      } else if (tensor && !tensor->problem.empty()) {
        attention.problem = fmt::format("{} cannot be read: {}", tensor->name, tensor->problem);
      }
    }
  }
  return attention;
}

void give_part(StoredTensor& tensor, std::vector<LogicalPart> parts) {
  if (!tensor.parts_said) tensor.parts = std::move(parts);
}

}  // namespace

const std::vector<AttentionLayout>& attention_layouts() {
  using enum Arrangement;
  static const std::vector<AttentionLayout> layouts = {
      {"qkv", rows, {"qkv."}, "MONAI, timm"},
      {"to_q", separate, {"to_q.", "to_k.", "to_v."}, "MONAI, diffusers"},
      {"in_proj", rows, {"in_proj_"}, "PyTorch's MultiheadAttention"},
      {"c_attn", columns, {"c_attn."}, "GPT-2"},
      {"q_proj", separate, {"q_proj.", "k_proj.", "v_proj."}, "Llama and most of Hugging Face"},
      {"query", separate, {"query.", "key.", "value."}, "BERT, ViT of Hugging Face"},
      {"q", separate, {"q.", "k.", "v."}, "T5"},
      {"q_lin", separate, {"q_lin.", "k_lin.", "v_lin."}, "DistilBERT"},
      {"Wqkv", rows, {"Wqkv."}, "MPT, ModernBERT"},
      {"query_key_value", by_head, {"query_key_value."}, "GPT-NeoX, BLOOM"}};
  return layouts;
}

const AttentionLayout& default_layout(bool combined) { return attention_layouts()[combined ? 0 : 1]; }

const AttentionLayout* find_layout(std::string_view name) {
  const auto found = std::ranges::find(attention_layouts(), name, &AttentionLayout::name);
  return found == attention_layouts().end() ? nullptr : &*found;
}

std::string part_name(const std::string& block, std::size_t i, std::string_view kind) {
  return fmt::format("{}{}.{}", block, letters.at(i), kind);
}

std::vector<Attention> find_attention(const std::vector<StoredTensor>& tensors) {
  ByName names;
  for (const StoredTensor& tensor : tensors) names.emplace(tensor.name, &tensor);
  std::vector<Attention> found;
  for (const StoredTensor& tensor : tensors) {
    for (const AttentionLayout& layout : attention_layouts()) {
      if (auto attention = attention_of(tensor, layout, names)) found.push_back(std::move(*attention));
    }
  }
  return found;
}

void give_parts(std::vector<StoredTensor>& tensors) {
  for (StoredTensor& tensor : tensors) give_part(tensor, {{tensor.name, 0, tensor.rows()}});
  std::map<const StoredTensor*, std::vector<LogicalPart>> known;
  for (const Attention& attention : find_attention(tensors)) {
    const bool by_rows = attention.layout->arrangement == Arrangement::rows && attention.problem.empty();
    if (attention.combined() && !by_rows) continue;
    for (const char* kind : {"weight", "bias"}) {
      const auto& of_kind = kind[0] == 'w' ? attention.weights : attention.biases;
      std::int64_t begin = 0;
      for (std::size_t i = 0; i < letters.size(); ++i) {
        const StoredTensor* tensor = of_kind[attention.combined() ? 0 : i];
        if (!attention.combined()) begin = 0;
        if (tensor)
          known[tensor].push_back({part_name(attention.block, i, kind), begin, begin + attention.rows[i]});
        begin += attention.rows[i];
      }
    }
  }
  for (StoredTensor& tensor : tensors) {
    if (const auto parts = known.find(&tensor); parts != known.end()) give_part(tensor, parts->second);
  }
}

}  // namespace lockstep::data
