#pragma once

#include "data/weights/attention_layouts.h"

namespace lockstep::data {

// How q, k and v of an attention are stored: in one tensor, or in three.
enum class AttentionStorage { combined, separate };

struct ConvertOptions {
  int heads = 0;  // of a query_key_value that is interleaved by head; 0: not known
};

struct Converted {
  Weights weights;
  // How many attentions were converted, were stored so already, and have no combined form (cross attentions).
  int changed = 0, already = 0, cross = 0;
};

// The same weights with every self-attention's q, k and v in one tensor, or in three. What is stored so
// already stays as it is, whatever its layout; one tensor comes from and goes to qkv, three to_q, to_k, to_v,
// unless they were another layout before, to which they return. Types stay as they are. Throws, with all
// reasons, where not every attention can be converted, or there is none.
Converted convert(const Weights& weights, AttentionStorage storage, const ConvertOptions& options = {});

// The tensors q, k and v, each a weight or a bias, of one attention that is stored in one tensor.
std::vector<StoredTensor> separated(const Attention& attention);

}  // namespace lockstep::data
