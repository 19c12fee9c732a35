#pragma once

#include "core/error.h"
#include "core/tensor.h"

namespace lockstep::nn {

// What SABlock and CrossAttentionBlock ask of their options alike: MONAI's conditions. Throws where one does
// not hold; `where` is the block's path.
template <typename Options>
void check_attention_options(const std::string& where, const Options& o) {
  check(o.dropout_rate >= 0 && o.dropout_rate <= 1, "[{}] dropout_rate must lie in [0, 1], got {}", where,
        o.dropout_rate);
  check(o.num_heads > 0 && o.hidden_size > 0,
        "[{}] hidden_size and num_heads must be positive, got {} and {}", where, o.hidden_size, o.num_heads);
  check(o.dim_head || o.hidden_size % o.num_heads == 0,
        "[{}] hidden_size {} does not divide by num_heads {}: change one of them", where, o.hidden_size,
        o.num_heads);
  check(!o.dim_head || *o.dim_head > 0, "[{}] dim_head must be positive, got {}; leave it out for {}", where,
        o.dim_head.value_or(0), o.hidden_size / o.num_heads);
  check(!o.causal || o.sequence_length,
        "[{}] causal attention needs sequence_length, the longest sequence to come", where);
  check(!o.use_flash_attention || !o.save_attn,
        "[{}] save_attn needs the attention weights, which use_flash_attention never forms: set one of them "
        "to false",
        where);
  check(!o.use_flash_attention || !o.rel_pos_embedding,
        "[{}] rel_pos_embedding changes the scores, which use_flash_attention never forms: leave one of them "
        "out",
        where);
}

// The width of a head.
template <typename Options>
std::int64_t dim_head_of(const Options& o) {
  return o.dim_head.value_or(o.num_heads > 0 ? o.hidden_size / o.num_heads : 0);
}

// MONAI's causal mask, (1, 1, L, L) ones on and below the diagonal: it stands in the state dict and is never
// read.
Tensor causal_mask(std::int64_t length, TensorOptions options);

// Throws for a sequence that is longer than a causal block was made for; both in tokens.
inline void check_length(const std::string& where, bool causal, std::int64_t tokens,
                         std::int64_t sequence_length) {
  check(!causal || tokens <= sequence_length,
        "[{}] {} tokens are more than the sequence_length {} it was made for", where, tokens,
        sequence_length);
}

}  // namespace lockstep::nn
