#include "tests/core/op_cases.h"

namespace lockstep::cases {

std::vector<OpCase> attention_cases() {
  const std::vector<Input> square_qkv{normal({2, 3, 6, 4}), normal({2, 3, 6, 4}), normal({2, 3, 6, 4})};
  const std::vector<Input> cross_qkv{normal({2, 3, 5, 4}), normal({2, 3, 7, 4}), normal({2, 3, 7, 6})};
  const std::vector<Input> large(3, normal({8, 4, 256, 32}));
  const OpCase plain{"attention", cross_qkv, [](const Inputs& in) { return attention(in[0], in[1], in[2]); }};
  const OpCase causal{"attention_causal", square_qkv, [](const Inputs& in) {
                        return attention(in[0], in[1], in[2], {.causal = true, .scale = 0.3});
                      }};
  std::vector<Input> padded = cross_qkv, masked = cross_qkv, biased = cross_qkv;
  padded.push_back(bits({2, 7}));
  masked.push_back(bits({5, 7}));
  biased.push_back(normal({3, 5, 7}));
  const OpCase packed{"packed_attention", {normal({2, 6, 24})}, [](const Inputs& in) {
                        return packed_attention(in[0], 2, {.causal = true});
                      }};
  return {
      plain.with_leading({0, 1, 2}).timed_at(large),
      causal.with_leading({0, 1, 2}).timed_at(large),
      {"attention_without_heads",
       {normal({5, 4}), normal({7, 4}), normal({7, 3})},
       [](const Inputs& in) { return attention(in[0], in[1], in[2]); }},
      {"attention_padded", padded,
       [](const Inputs& in) { return attention(in[0], in[1], in[2], {.key_padding_mask = in[3]}); }},
      {"attention_padded_causal", padded,
       [](const Inputs& in) {
         return attention(in[0], in[1], in[2], {.causal = true, .key_padding_mask = in[3]});
       }},
      {"attention_masked", masked,
       [](const Inputs& in) { return attention(in[0], in[1], in[2], {.mask = in[3]}); }},
      {"attention_biased", biased,
       [](const Inputs& in) { return attention(in[0], in[1], in[2], {.causal = true, .bias = in[3]}); }},
      {"attention_grouped",
       {normal({2, 4, 5, 4}), normal({2, 2, 7, 4}), normal({2, 2, 7, 3})},
       [](const Inputs& in) { return attention(in[0], in[1], in[2]); }},
      {"attention_offset", cross_qkv,
       [](const Inputs& in) { return attention(in[0], in[1], in[2], {.causal = true, .causal_offset = 2}); }},
      {"attention_offset_long",
       {normal({2, 21, 5}), normal({2, 45, 5}), normal({2, 45, 3})},
       [](const Inputs& in) {
         return attention(in[0], in[1], in[2], {.causal = true, .causal_offset = 24});
       }},
      {"attention_offset_padded", padded,
       [](const Inputs& in) {
         return attention(in[0], in[1], in[2],
                          {.causal = true, .key_padding_mask = in[3], .causal_offset = 1});
       }},
      {"attention_without_a_key",  // query 0 and 1 see none
       cross_qkv,
       [](const Inputs& in) {
         return attention(in[0], in[1], in[2], {.causal = true, .causal_offset = -2});
       }},
      {"multi_head_attention",
       {normal({2, 5, 6}), normal({2, 7, 6}), normal({2, 7, 12})},
       [](const Inputs& in) { return multi_head_attention(in[0], in[1], in[2], 3); }},
      packed.with_leading({0}).timed_at({normal({8, 256, 384})}),
      {"attention_weights",
       {cross_qkv[0], cross_qkv[1]},
       [](const Inputs& in) { return attention_weights(in[0], in[1]); }},
  };
}

}  // namespace lockstep::cases
