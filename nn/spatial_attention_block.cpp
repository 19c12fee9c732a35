#include "nn/spatial_attention_block.h"

#include "core/ops/elementwise.h"
#include "core/ops/views.h"

namespace lockstep::nn {
namespace {

int heads_of(const Scope& scope, const SpatialAttentionBlockOptions& o) {
  const std::int64_t per_head = o.num_head_channels.value_or(o.num_channels);
  check(per_head > 0 && o.num_channels % per_head == 0,
        "[{}] num_channels {} must divide by num_head_channels {}", scope.path("SpatialAttentionBlock"),
        o.num_channels, per_head);
  return static_cast<int>(o.num_channels / per_head);
}

}  // namespace

SpatialAttentionBlock::SpatialAttentionBlock(const Scope& scope, const SpatialAttentionBlockOptions& o)
    : norm(scope / "norm", o.norm_num_groups, o.num_channels, {.eps = o.norm_eps}),
      attn(scope / "attn", {.hidden_size = o.num_channels,
                            .num_heads = heads_of(scope, o),
                            .qkv_bias = true,
                            .attention_dtype = o.attention_dtype,
                            .include_fc = o.include_fc,
                            .use_combined_linear = o.use_combined_linear,
                            .use_flash_attention = o.use_flash_attention}) {}

Tensor SpatialAttentionBlock::operator()(const Tensor& x) const {
  check(x.rank() >= 3, "[SpatialAttentionBlock] expected x (B, channels, size...), got {}", describe(x));
  const Tensor points = transpose(flatten(norm(x), 2), 1, 2);  // (B, points, C)
  return x + reshape(transpose(attn(points), 1, 2), x.shape());
}

}  // namespace lockstep::nn
