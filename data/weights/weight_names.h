#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "data/weights/weights.h"

namespace lockstep::data {

// The logical parts of a stored tensor as its name tells them, where the file says nothing more:
//   x.qkv.weight (or bias), x.in_proj_weight (or _bias)  ->  x.q.weight, x.k.weight, x.v.weight, a third of
//   the rows each x.to_q.weight                                        ->  x.q.weight; k, v likewise
//   x.to_out.0.weight                                    ->  x.out_proj.weight
//   any other                                            ->  itself
std::vector<LogicalPart> parts_by_name(std::string_view name, std::int64_t rows);

// True for buffers that follow from the configuration, such as causal_mask: they are written for others to
// read, and never loaded.
bool is_derived(std::string_view name);

// True for what MONAI's TransformerBlock creates and, without a cross attention, never uses: its
// norm_cross_attn. A model here may be without (nn::TransformerBlockOptions::unused_norm).
bool is_unused_norm(std::string_view name, const std::vector<StoredTensor>& tensors);

// Renames what GenerativeModels named otherwise:
// - Its TransformerBlock has norm1, norm2 (before the cross attention) and norm3 (before the MLP); MONAI's
// has norm1,
//   norm_cross_attn and norm2. Recognised by norm3.
// - Its AttentionBlock has to_q, to_k, to_v and a proj_attn that was created and never called; MONAI's
//   SpatialAttentionBlock has them in attn, and an out_proj that is called: the identity gives the same
//   function. Recognised by proj_attn; the tensor gets a note.
void modernise(std::vector<StoredTensor>& tensors);

// Where a logical part is stored: "x.q.weight" in "x.to_q.weight" or in "x.qkv.weight". Empty for what is no
// q, k or v.
struct AttentionName {
  std::string separate, combined;
};
AttentionName attention_name(std::string_view logical_name);

}  // namespace lockstep::data
