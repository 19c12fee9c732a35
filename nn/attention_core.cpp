#include "nn/attention_core.h"

#include "core/ops/matmul.h"
#include "core/ops/views.h"

namespace lockstep::nn {

Tensor AttentionCore::operator()(const Tensor& q, const Tensor& k, const Tensor& v,
                                 const AttentionOptions& options, Tensor* saved) const {
  if (saved == nullptr && !drop_weights.is_active()) return multi_head_attention(q, k, v, num_heads, options);
  const Tensor weights = attention_weights(split_heads(q, num_heads), split_heads(k, num_heads), options);
  if (saved != nullptr) *saved = weights.detach();
  return merge_heads(matmul(drop_weights(weights), split_heads(v, num_heads)));
}

Tensor AttentionCore::packed(const Tensor& qkv, const AttentionOptions& options, Tensor* saved) const {
  if (saved == nullptr && !drop_weights.is_active()) return packed_attention(qkv, num_heads, options);
  const std::int64_t inner = qkv.size(-1) / 3;
  return (*this)(slice(qkv, -1, 0, inner), slice(qkv, -1, inner, 2 * inner),
                 slice(qkv, -1, 2 * inner, 3 * inner), options, saved);
}

}  // namespace lockstep::nn
