#include "nn/sa_block.h"

#include "core/ops/elementwise.h"
#include "core/ops/views.h"
#include "nn/attention_checks.h"

namespace lockstep::nn {
namespace {

const SABlockOptions& checked(const Scope& scope, const SABlockOptions& options) {
  check_attention_options(scope.path("SABlock"), options);
  check(options.hidden_size % options.num_heads == 0,
        "[{}] hidden_size {} does not divide by num_heads {}: change one of them", scope.path("SABlock"),
        options.hidden_size, options.num_heads);
  return options;
}

}  // namespace

SABlock::SABlock(const Scope& scope, const SABlockOptions& options_)
    : options(checked(scope, options_)),
      core(scope, options.num_heads, options.dropout_rate),
      drop_output(scope / "drop_output", options.dropout_rate) {
  const std::int64_t dim_head = dim_head_of(options), inner = options.num_heads * dim_head;
  const std::int64_t width = options.hidden_input_size.value_or(options.hidden_size);
  if (options.include_fc)
    out_proj.emplace(scope / "out_proj", inner, width, LinearOptions{.init = options.out_init});
  const auto project = [&](std::optional<Linear>& layer, const char* name, std::vector<RowPart> parts) {
    const auto rows = static_cast<std::int64_t>(parts.size()) * inner;
    layer.emplace(
        scope / name, width, rows,
        LinearOptions{.bias = options.qkv_bias, .init = options.qkv_init, .parts = std::move(parts)});
  };
  const RowPart q{"q", inner, options.num_heads}, k{"k", inner, options.num_heads},
      v{"v", inner, options.num_heads};
  if (options.use_combined_linear) {
    project(qkv, "qkv", {q, k, v});
  } else {
    project(to_q, "to_q", {q});
    project(to_k, "to_k", {k});
    project(to_v, "to_v", {v});
  }
  if (options.causal) {
    scope.buffer("causal_mask", causal_mask(*options.sequence_length, scope.options()));
  }
  if (options.rel_pos_embedding) {
    rel_positional_embedding.emplace(scope / "rel_positional_embedding", options.input_size, dim_head);
  }
}

AttentionOptions SABlock::scores(const Tensor& q, const Tensor& attn_mask) const {
  AttentionOptions asked{.causal = options.causal, .key_padding_mask = attn_mask};
  if (rel_positional_embedding) asked.bias = (*rel_positional_embedding)(split_heads(q, options.num_heads));
  return asked;
}

Tensor SABlock::operator()(const Tensor& x, const Tensor& attn_mask, const Positions& wanted,
                           const Tensor& plus) const {
  check_length("SABlock", options.causal, x.size(-2), options.sequence_length.value_or(0));
  check(!options.causal || !attn_mask.defined(),
        "[SABlock] causal attention takes no attn_mask: leave one of them out");
  const DType dtype = options.attention_dtype.value_or(x.dtype());
  const auto cast = [&](const Tensor& t) { return to(t, dtype); };
  Tensor* saved = options.save_attn ? &att_mat : nullptr;
  Tensor y;
  if (qkv) {
    const Tensor packed = cast((*qkv)(x));
    const Tensor q = rel_positional_embedding ? slice(packed, -1, 0, packed.size(-1) / 3) : Tensor();
    y = core.packed(packed, scores(q, attn_mask), saved);
  } else {
    const Tensor q = cast((*to_q)(x)), k = cast((*to_k)(x)), v = cast((*to_v)(x));
    y = core(q, k, v, scores(q, attn_mask), saved);
  }
  y = to(wanted.of(y), x.dtype());
  if (plus.defined() && out_proj && !drop_output.is_active() && !core.trace.wants({"output"}))
    return (*out_proj)(y, plus);
  y = core.trace("output", drop_output(out_proj ? (*out_proj)(y) : y));
  return plus.defined() ? plus + y : y;
}

}  // namespace lockstep::nn
