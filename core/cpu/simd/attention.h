#pragma once

#include <cstdint>

// Attention without its matrix of weights: softmax(scale q k^T) v, block by block with a running maximum
// (https://arxiv.org/abs/2205.14135), so that memory grows with T and not with T^2. f32 and f64. Results do
// not depend on the number of threads, nor on the strides.
namespace lockstep::cpu {

// (batch, heads, tokens, dim) anywhere in memory, the last dimension contiguous. Strides are in elements.
template <typename T>
struct AttentionView {
  T* data;
  std::int64_t batch_stride, head_stride, token_stride;

  T* head(std::int64_t batch, std::int64_t head) const {
    return data + batch * batch_stride + head * head_stride;
  }
};

struct Attention {
  std::int64_t batch, heads, queries, keys;
  std::int64_t dim;                        // of q and k
  std::int64_t value_dim;                  // of v and out
  double scale;                            // 1 / sqrt(dim), as a rule
  bool causal = false;                     // query i sees the keys 0..i + causal_offset
  const std::uint8_t* key_mask = nullptr;  // (batch, keys): 0 hides a key; null hides none
  std::int64_t causal_offset = 0;
};

// out, and lse = log(sum(exp(scores))) of each query, (batch, heads, queries) contiguous, for the backward;
// lse may be null. A query that sees no key gives zeros (and an lse of -inf).
template <typename T>
void attention_forward(AttentionView<T> out, T* lse, AttentionView<const T> q, AttentionView<const T> k,
                       AttentionView<const T> v, const Attention& call);

// Writes dq, dk and dv, from the out and lse of the forward.
template <typename T>
void attention_backward(AttentionView<T> dq, AttentionView<T> dk, AttentionView<T> dv,
                        AttentionView<const T> dout, AttentionView<const T> out, const T* lse,
                        AttentionView<const T> q, AttentionView<const T> k, AttentionView<const T> v,
                        const Attention& call);

}  // namespace lockstep::cpu
