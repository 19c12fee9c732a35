#include "nn/cross_attention_block.h"

#include "core/ops/views.h"
#include "nn/attention_checks.h"

namespace lockstep::nn {
namespace {

const CrossAttentionBlockOptions& checked(const Scope& scope, const CrossAttentionBlockOptions& options) {
  check_attention_options(scope.path("CrossAttentionBlock"), options);
  return options;
}

LinearOptions projection(const CrossAttentionBlockOptions& o, const char* part) {
  return {
      .bias = o.qkv_bias, .init = o.qkv_init, .parts = {{part, o.num_heads * dim_head_of(o), o.num_heads}}};
}

std::int64_t inner_of(const CrossAttentionBlockOptions& o) { return o.num_heads * dim_head_of(o); }
std::int64_t width_of(const CrossAttentionBlockOptions& o) {
  return o.hidden_input_size.value_or(o.hidden_size);
}
std::int64_t context_of(const CrossAttentionBlockOptions& o) {
  return o.context_input_size.value_or(o.hidden_size);
}

}  // namespace

CrossAttentionBlock::CrossAttentionBlock(const Scope& scope, const CrossAttentionBlockOptions& options_)
    : options(checked(scope, options_)),
      out_proj(scope / "out_proj", inner_of(options), width_of(options), {.init = options.out_init}),
      to_q(scope / "to_q", width_of(options), inner_of(options), projection(options, "q")),
      to_k(scope / "to_k", context_of(options), inner_of(options), projection(options, "k")),
      to_v(scope / "to_v", context_of(options), inner_of(options), projection(options, "v")),
      core(scope, options.num_heads, options.dropout_rate),
      drop_output(scope / "drop_output", options.dropout_rate) {
  if (options.causal) {
    scope.buffer("causal_mask", causal_mask(*options.sequence_length, scope.options()));
  }
  if (options.rel_pos_embedding) {
    rel_positional_embedding.emplace(scope / "rel_positional_embedding", options.input_size,
                                     dim_head_of(options));
  }
}

Tensor CrossAttentionBlock::operator()(const Tensor& x, const Tensor& context) const {
  const Tensor& source = context.defined() ? context : x;
  const std::int64_t longest = std::max(x.size(-2), source.size(-2));
  check_length("CrossAttentionBlock", options.causal, longest, options.sequence_length.value_or(0));
  const DType dtype = options.attention_dtype.value_or(x.dtype());
  const Tensor q = to(to_q(x), dtype), k = to(to_k(source), dtype), v = to(to_v(source), dtype);
  AttentionOptions scores{.causal = options.causal};
  if (rel_positional_embedding) {
    check(q.size(-2) == k.size(-2),
          "[CrossAttentionBlock] relative positions need as many keys as queries, got {} and {}", k.size(-2),
          q.size(-2));
    scores.bias = (*rel_positional_embedding)(split_heads(q, options.num_heads));
  }
  const Tensor y = core(q, k, v, scores, options.save_attn ? &att_mat : nullptr);
  return core.trace("output", drop_output(out_proj(to(y, x.dtype()))));
}

}  // namespace lockstep::nn
