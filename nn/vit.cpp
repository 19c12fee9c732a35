#include "nn/vit.h"

#include "core/ops/elementwise.h"
#include "core/ops/views.h"

namespace lockstep::nn {
namespace {

std::vector<TransformerBlock> make_blocks(const Scope& scope, const ViTOptions& o) {
  std::vector<TransformerBlock> blocks;
  for (int i = 0; i < o.num_layers; ++i) {
    blocks.emplace_back(scope / i, TransformerBlockOptions{.hidden_size = o.hidden_size,
                                                           .mlp_dim = o.mlp_dim,
                                                           .num_heads = o.num_heads,
                                                           .dropout_rate = o.dropout_rate,
                                                           .qkv_bias = o.qkv_bias,
                                                           .save_attn = o.save_attn,
                                                           .use_combined_linear = o.use_combined_linear,
                                                           .unused_norm = o.unused_norm,
                                                           .qkv_init = o.qkv_init,
                                                           .linear_init = o.linear_init});
  }
  return blocks;
}

}  // namespace

ViT::ViT(const Scope& scope, const ViTOptions& o)
    : options(o),
      patch_embedding(scope / "patch_embedding", {.in_channels = o.in_channels,
                                                  .img_size = o.img_size,
                                                  .patch_size = o.patch_size,
                                                  .hidden_size = o.hidden_size,
                                                  .num_heads = o.num_heads,
                                                  .proj_type = o.proj_type,
                                                  .pos_embed_type = o.pos_embed_type,
                                                  .dropout_rate = o.dropout_rate,
                                                  .spatial_dims = o.spatial_dims}),
      blocks(make_blocks(scope / "blocks", o)),
      norm(scope / "norm", {o.hidden_size}),
      trace(scope) {
  if (!o.classification) return;
  cls_token = scope.parameter("cls_token", {1, 1, o.hidden_size}, init::Constant{0});
  const Scope head = scope / "classification_head";
  classification_head.emplace(o.post_activation ? head / 0 : head, o.hidden_size, o.num_classes);
}

Tensor ViT::embed(const Tensor& x) const {
  const Tensor tokens = patch_embedding(x);
  if (!cls_token.defined()) return trace("embedding", tokens);
  Dims shape = tokens.shape();
  shape[shape.rank() - 2] = 1;
  return trace("embedding", cat({expand(cls_token, shape), tokens}, -2));
}

Tensor ViT::head(const Tensor& tokens) const {
  const Tensor normed = trace("features", norm(tokens));
  if (!classification_head) return normed;
  const Tensor logits = (*classification_head)(select(normed, -2, 0));
  return trace("logits", options.post_activation ? tanh(logits) : logits);
}

ViT::Output ViT::forward(const Tensor& x) const {
  Tensor tokens = embed(x);
  Output result;
  for (const TransformerBlock& block : blocks) {
    tokens = block(tokens);
    result.hidden_states.push_back(tokens);
  }
  result.output = head(tokens);
  return result;
}

Tensor ViT::operator()(const Tensor& x) const {
  Tensor tokens = embed(x);
  for (const TransformerBlock& block : blocks) {
    const bool cls_only = classification_head && &block == &blocks.back();
    tokens = block(tokens, {}, {}, cls_only ? Positions{0, 1} : Positions{});
  }
  return head(tokens);
}

}  // namespace lockstep::nn
