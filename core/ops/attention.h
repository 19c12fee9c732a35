#pragma once

#include <optional>

#include "core/tensor.h"

// softmax(scale q k^T + bias, masked) v. q (..., T, D), k (..., S, D), v (..., S, E) -> (..., T, E); the
// leading dimensions are those of batch and heads. Fused: no (T, S) matrix is stored, unless bias or a mask
// that differs between queries or a causal offset into the middle asks for it. A query that may look at no
// key gets zeros; one with +inf in its bias gets NaN, as in PyTorch. Throws Error for shapes other than
// these, element types that differ, masks that are not u8, and a number of heads that does not divide a
// width.
namespace lockstep {

struct AttentionOptions {
  bool causal = false;             // query t looks at keys 0 ... t
  std::optional<double> scale{};   // 1 / sqrt(D) if not given
  Tensor key_padding_mask = {};    // u8 (batch..., S), 1 keeps; q is (batch..., heads, T, D)
  Tensor mask = {};                // u8, broadcasts to the scores (..., T, S), 1 keeps
  Tensor bias = {};                // added to the scores, to which it broadcasts
  std::int64_t causal_offset = 0;  // causal: query t looks at keys 0 ... t + offset: keys in a KV cache
};

// Any strides; heads are a dimension of their own. k and v may have fewer heads than q, whose heads then
// share them in groups (grouped-query attention).
Tensor attention(const Tensor& q, const Tensor& k, const Tensor& v, const AttentionOptions& options = {});
// Heads side by side in the last dimension, as linear layers give them: q (..., T, heads D), k (..., S, heads
// D), v (..., S, heads E) -> (..., T, heads E). A narrower k and v have fewer heads, as above.
Tensor multi_head_attention(const Tensor& q, const Tensor& k, const Tensor& v, int heads,
                            const AttentionOptions& options = {});
// The same with q, k and v side by side: qkv (..., T, 3 heads D) -> (..., T, heads D).
Tensor packed_attention(const Tensor& qkv, int heads, const AttentionOptions& options = {});

// The attention weights themselves, (..., T, S), from ordinary ops: to look at, or for dropout before matmul
// with v. They are masked_softmax(attention_scores(q, k), -1): the scores, scaled, with the bias, and -inf
// where a key is hidden; and their softmax, 0 there.
Tensor attention_weights(const Tensor& q, const Tensor& k, const AttentionOptions& options = {});
Tensor attention_scores(const Tensor& q, const Tensor& k, const AttentionOptions& options = {});

// (..., T, heads D) -> (..., heads, T, D), a view, and back.
Tensor split_heads(const Tensor& x, int heads);
Tensor merge_heads(const Tensor& x);

}  // namespace lockstep
