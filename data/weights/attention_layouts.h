#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "data/weights/stored_tensor.h"

// How files hold the projections of an attention's q, k and v.
namespace lockstep::data {

// Where q's, k's and v's rows are. W = 3 d.
enum class Arrangement {
  rows,      // one (W, in): q's rows, then k's, then v's
  columns,   // one (in, W), transposed
  by_head,   // one (W, in): q's, k's and v's rows of the first head, then of the second, ...
  separate,  // three; k and v may have fewer rows than q, for groups of its heads
};

struct AttentionLayout {
  std::string_view name;
  Arrangement arrangement;
  std::vector<std::string_view> names;  // what stands before "weight" and "bias": one, or q's, k's and v's
  std::string_view known_from;
};
const std::vector<AttentionLayout>& attention_layouts();
// The first in the list of its kind.
const AttentionLayout& default_layout(bool combined);
const AttentionLayout* find_layout(std::string_view name);  // null where there is none

// An attention that a file holds. It is known by all of its names and their shapes, never by one alone: q, k
// and v beside each other, or one tensor with three times the rows that its output takes.
struct Attention {
  std::string block;  // "blocks.0.attn."; empty at the top
  const AttentionLayout* layout = nullptr;
  bool cross = false;  // k and v come from something else, so there is no combined form
  std::vector<const StoredTensor*> weights, biases;  // one or three of each; a bias that is not there is null
  std::array<std::int64_t, 3> rows = {};             // of q, k, v
  std::array<int, 3> heads = {1, 1, 1};              // of each, where the file says them
  std::string problem = {};                          // why its parts are not known, or don't go together

  bool combined() const { return layout->arrangement != Arrangement::separate; }
};
std::vector<Attention> find_attention(const std::vector<StoredTensor>& tensors);

// Gives logical parts to the tensors that have none said: x.q.weight, x.k.weight and x.v.weight (or bias) for
// those of an attention x whose rows are known, and itself for any other.
void give_parts(std::vector<StoredTensor>& tensors);

// "x.q.weight" of the attention "x."
std::string part_name(const std::string& block, std::size_t i, std::string_view kind);

}  // namespace lockstep::data
