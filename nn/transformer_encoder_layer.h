#pragma once

#include "nn/activation.h"
#include "nn/multihead_attention.h"
#include "nn/norm.h"

namespace lockstep::nn {

// PyTorch's options, in its order and with its defaults; batch first.
struct TransformerEncoderLayerOptions {
  std::int64_t d_model = 0;
  int nhead = 1;
  std::int64_t dim_feedforward = 2048;
  double dropout = 0.1;
  Activation activation = Activation::relu;
  double layer_norm_eps = 1e-5;
  bool norm_first = false;
  bool bias = true;

  Init in_proj_init = init::XavierUniform{};  // of self_attn
};

// torch.nn.TransformerEncoderLayer (Vaswani et al. 2017, arXiv:1706.03762):
//   norm_first:  x = x + attention(norm1(x));  x = x + feed_forward(norm2(x))
//   else:        x = norm1(x + attention(x));  x = norm2(x + feed_forward(x))
struct TransformerEncoderLayer {
  TransformerEncoderLayer(const Scope& scope, const TransformerEncoderLayerOptions& options_);
  // x (..., S, d_model) -> the same shape.
  Tensor operator()(const Tensor& x, const MultiheadAttentionMasks& masks = {}) const;

  TransformerEncoderLayerOptions options;
  MultiheadAttention self_attn;
  Linear linear1, linear2;
  LayerNorm norm1, norm2;
  Dropout dropout, dropout1, dropout2;
  TracePoint trace;  // hidden, activation, resid_pre, resid_mid, resid_post
};

}  // namespace lockstep::nn
