#include "nn/attention_core.h"

#include "core/ops/activations.h"
#include "core/ops/matmul.h"
#include "core/ops/views.h"

namespace lockstep::nn {

Tensor AttentionCore::operator()(const Tensor& q, const Tensor& k, const Tensor& v,
                                 const AttentionOptions& options, Tensor* saved) const {
  const bool by_weights = saved != nullptr || drop_weights.is_active() || trace.wants({"scores", "weights"});
  if (!by_weights && !trace.wants({"q", "k", "v", "heads"}))
    return multi_head_attention(q, k, v, num_heads, options);
  const Tensor of_q = trace("q", split_heads(q, num_heads)), of_k = trace("k", split_heads(k, num_heads)),
               of_v = trace("v", split_heads(v, num_heads));
  if (!by_weights) return merge_heads(trace("heads", attention(of_q, of_k, of_v, options)));
  const Tensor scores = trace("scores", attention_scores(of_q, of_k, options));
  const Tensor weights = trace("weights", masked_softmax(scores, -1));
  if (saved != nullptr) *saved = weights.detach();
  return merge_heads(trace("heads", matmul(drop_weights(weights), of_v)));
}

Tensor AttentionCore::packed(const Tensor& qkv, const AttentionOptions& options, Tensor* saved) const {
  const bool looked_at = trace.wants({"q", "k", "v", "scores", "weights", "heads"});
  if (saved == nullptr && !drop_weights.is_active() && !looked_at)
    return packed_attention(qkv, num_heads, options);
  const std::int64_t inner = qkv.size(-1) / 3;
  return (*this)(slice(qkv, -1, 0, inner), slice(qkv, -1, inner, 2 * inner),
                 slice(qkv, -1, 2 * inner, 3 * inner), options, saved);
}

}  // namespace lockstep::nn
