#pragma once

#include <optional>

#include "nn/attention_core.h"
#include "nn/linear.h"

namespace lockstep::nn {

// PyTorch's options, in its order and with its defaults; batch first.
struct MultiheadAttentionOptions {
  std::int64_t embed_dim = 0;
  int num_heads = 1;
  double dropout = 0;  // on the attention weights
  bool bias = true;
  bool add_bias_kv = false;                          // one more key and value, learnt, appended
  bool add_zero_attn = false;                        // one more key and value, zero, appended last
  std::optional<std::int64_t> kdim = {}, vdim = {};  // widths of keys and values; default: embed_dim

  // Of the projections of q, k and v. PyTorch applies it to the stored tensor: to the whole in_proj_weight (3
  // embed_dim, embed_dim), or to each of q_proj_weight, k_proj_weight and v_proj_weight where kdim or vdim is
  // another.
  Init in_proj_init = init::XavierUniform{};
};

struct MultiheadAttentionMasks {
  Tensor key_padding = {};  // u8 (..., S), 1 keeps (PyTorch's is inverted)
  Tensor scores = {};       // added to the scores (..., heads, T, S), to which it broadcasts
  bool causal = false;
};

// torch.nn.MultiheadAttention (Vaswani et al. 2017, arXiv:1706.03762), with its names and its order of draws.
struct MultiheadAttention {
  MultiheadAttention(const Scope& scope, const MultiheadAttentionOptions& options_);

  struct Output {
    Tensor output;   // (..., T, embed_dim)
    Tensor weights;  // (..., T, S [+ added keys]), averaged over the heads, after their dropout as in PyTorch
  };
  // query (..., T, embed_dim), key (..., S, kdim), value (..., S, vdim)
  Output with_weights(const Tensor& query, const Tensor& key, const Tensor& value,
                      const MultiheadAttentionMasks& masks = {}) const;
  // The output alone, fused.
  Tensor operator()(const Tensor& query, const Tensor& key, const Tensor& value,
                    const MultiheadAttentionMasks& masks = {}) const;

  MultiheadAttentionOptions options;
  Tensor in_proj_weight;                               // (3 embed_dim, embed_dim), or
  Tensor q_proj_weight, k_proj_weight, v_proj_weight;  // (embed_dim, width) each
  Tensor in_proj_bias;                                 // (3 embed_dim)
  Tensor bias_k, bias_v;                               // (1, 1, embed_dim), where add_bias_kv
  std::optional<Linear> out_proj;
  AttentionCore core;

 private:
  using QKV = std::array<Tensor, 3>;
  QKV project(const Tensor& query, const Tensor& key, const Tensor& value) const;
  // What the masks ask of the scores, once q, k and v have the keys of add_bias_kv and add_zero_attn.
  AttentionOptions extend(QKV& x, const MultiheadAttentionMasks& masks) const;
};

}  // namespace lockstep::nn
