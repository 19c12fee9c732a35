#pragma once

#include <set>
#include <string>
#include <vector>

#include "data/weights/stored_tensor.h"

namespace lockstep::data {

// Names of GenerativeModels, as MONAI had them before 1.4, for a model that wants today's. A block has old
// names where all of its names are those of that block and no others are beside them, and the model wants the
// new ones and none of the old:
//   TransformerBlock   norm1, attn, norm3, mlp, with norm2 and cross_attn or without:
//                      norm2 is norm_cross_attn, and norm3 is norm2
//   AttentionBlock     norm, to_q, to_k, to_v, proj_attn: they are in attn, and proj_attn is its out_proj
//   CrossAttention     to_q, to_k, to_v, to_out.0: that is out_proj
// Values are never touched. The tensors get notes and keep their names_in_file.
std::vector<StoredTensor> with_todays_names(std::vector<StoredTensor> tensors,
                                            const std::set<std::string>& wanted);

// Whether this is the norm_cross_attn that MONAI's TransformerBlock has and, without a cross attention, never
// uses, by the names of the whole block.
bool is_unused_norm(const std::string& name, const std::set<std::string>& names);

// "b.norm_cross_attn.weight" for the name "b.norm2.weight", where the block has all of MONAI's
// TransformerBlock but that; empty for any other name.
std::string unused_norm_beside(const std::string& name, const std::set<std::string>& names);

// Whether this is a mask that MONAI's attentions store and that follows from their options: a causal_mask
// (1, 1, L, L) beside projections of q, k and v.
bool is_causal_mask(const StoredTensor& tensor, const std::set<std::string>& names);

}  // namespace lockstep::data
