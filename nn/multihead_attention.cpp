#include "nn/multihead_attention.h"

#include "core/ops.h"

namespace lockstep::nn {

MultiheadAttention::MultiheadAttention(const Scope& scope, const MultiheadAttentionOptions& options_)
    : options(options_), core(scope, options.num_heads, options.dropout) {
  const std::int64_t width = options.embed_dim, heads = options.num_heads;
  const std::int64_t kdim = options.kdim.value_or(width), vdim = options.vdim.value_or(width);
  check(width > 0 && heads > 0 && width % heads == 0, "[{}] embed_dim {} must divide by num_heads {}",
        scope.path("MultiheadAttention"), width, heads);

  // PyTorch makes the output layer first, then draws the projections, and sets all biases to 0.
  const Scope out = scope / "out_proj";
  out_proj.emplace(out, width, width, LinearOptions{.bias = false});
  if (options.bias) {
    out.discard({width}, init::Uniform{});
    out_proj->bias = out.parameter("bias", {width}, init::Constant{0});
  }
  const auto part = [&](const char* name, const char* kind, std::int64_t begin) {
    return LogicalPart{scope.path(fmt::format("{}.{}", name, kind)), begin, begin + width, options.num_heads};
  };
  if (kdim == width && vdim == width) {
    in_proj_weight =
        scope.parameter("in_proj_weight", {3 * width, width}, options.in_proj_init,
                        {part("q", "weight", 0), part("k", "weight", width), part("v", "weight", 2 * width)});
  } else {
    const auto project = [&](const char* name, const char* logical, std::int64_t columns) {
      return scope.parameter(name, {width, columns}, options.in_proj_init, {part(logical, "weight", 0)});
    };
    q_proj_weight = project("q_proj_weight", "q", width);
    k_proj_weight = project("k_proj_weight", "k", kdim);
    v_proj_weight = project("v_proj_weight", "v", vdim);
  }
  if (options.bias) {
    in_proj_bias =
        scope.parameter("in_proj_bias", {3 * width}, init::Constant{0},
                        {part("q", "bias", 0), part("k", "bias", width), part("v", "bias", 2 * width)});
  }
  if (options.add_bias_kv) {
    bias_k = scope.parameter("bias_k", {1, 1, width}, init::XavierNormal{});
    bias_v = scope.parameter("bias_v", {1, 1, width}, init::XavierNormal{});
  }
}

MultiheadAttention::QKV MultiheadAttention::project(const Tensor& query, const Tensor& key,
                                                    const Tensor& value) const {
  const std::int64_t width = options.embed_dim;
  const auto third = [&](const Tensor& x, std::int64_t i) {
    return x.defined() ? slice(x, 0, i * width, (i + 1) * width) : Tensor();
  };
  if (in_proj_weight.defined() && query.is_same(key) && key.is_same(value)) {
    const Tensor qkv = linear(query, in_proj_weight, in_proj_bias);
    return {slice(qkv, -1, 0, width), slice(qkv, -1, width, 2 * width), slice(qkv, -1, 2 * width, 3 * width)};
  }
  const auto weight = [&](const Tensor& own, std::int64_t i) {
    return own.defined() ? own : third(in_proj_weight, i);
  };
  return {linear(query, weight(q_proj_weight, 0), third(in_proj_bias, 0)),
          linear(key, weight(k_proj_weight, 1), third(in_proj_bias, 1)),
          linear(value, weight(v_proj_weight, 2), third(in_proj_bias, 2))};
}

AttentionOptions MultiheadAttention::extend(QKV& x, const MultiheadAttentionMasks& masks) const {
  AttentionOptions scores{
      .causal = masks.causal, .key_padding_mask = masks.key_padding, .bias = masks.scores};
  const std::int64_t given = x[1].size(-2);
  const auto append = [&](Tensor& to, const Tensor& row) {
    Dims shape = to.shape();
    shape[to.rank() - 2] = 1;
    to = cat({to, expand(reshape(row, {options.embed_dim}), shape)}, -2);
  };
  if (options.add_bias_kv) append(x[1], bias_k), append(x[2], bias_v);
  if (options.add_zero_attn) {
    const Tensor zero = zeros({options.embed_dim}, x[1].options());
    append(x[1], zero), append(x[2], zero);
  }
  const std::int64_t added = x[1].size(-2) - given;
  if (added == 0) return scores;

  // Every query may look at the added keys, and nothing is added to their scores.
  const auto widen = [&](Tensor& mask, double value) {
    if (!mask.defined()) return;
    Dims shape = mask.shape();
    shape[mask.rank() - 1] = given;
    mask = expand(mask, shape);
    shape[mask.rank() - 1] = added;
    mask = cat({mask, full(shape, value, mask.options())}, -1);
  };
  if (scores.causal) {
    scores.causal = false;
    scores.mask = tril_mask(x[0].size(-2), given, 0, x[0].device());
  }
  widen(scores.mask, 1);
  widen(scores.key_padding_mask, 1);
  widen(scores.bias, 0);
  return scores;
}

MultiheadAttention::Output MultiheadAttention::with_weights(const Tensor& query, const Tensor& key,
                                                            const Tensor& value,
                                                            const MultiheadAttentionMasks& masks) const {
  QKV x = project(query, key, value);
  const AttentionOptions scores = extend(x, masks);
  const auto heads = [&](const Tensor& t) { return split_heads(t, options.num_heads); };
  const Tensor weights = core.drop_weights(attention_weights(heads(x[0]), heads(x[1]), scores));
  return {(*out_proj)(merge_heads(matmul(weights, heads(x[2])))), mean(weights, {-3})};
}

Tensor MultiheadAttention::operator()(const Tensor& query, const Tensor& key, const Tensor& value,
                                      const MultiheadAttentionMasks& masks) const {
  QKV x = project(query, key, value);
  const AttentionOptions scores = extend(x, masks);
  return core.trace("output", (*out_proj)(core(x[0], x[1], x[2], scores)));
}

}  // namespace lockstep::nn
