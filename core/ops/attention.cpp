#include "core/ops/attention.h"

#include <limits>
#include <span>

#include "core/autograd.h"
#include "core/kernels.h"
#include "core/ops/activations.h"
#include "core/ops/checks.h"
#include "core/ops/elementwise.h"
#include "core/ops/masks.h"
#include "core/ops/matmul.h"
#include "core/ops/views.h"
#include "core/runtime/observer.h"

namespace lockstep {

namespace {

using QKV = std::array<Tensor, 3>;

void check_qkv(const Tensor& q, const Tensor& k, const Tensor& v, const AttentionOptions& options) {
  check(
      q.rank() >= 2 && k.rank() >= 2 && v.rank() >= 2 && q.size(-1) == k.size(-1) && k.size(-2) == v.size(-2),
      "[attention] expected q (..., T, D), k (..., S, D), v (..., S, E), got {}, {}, {}", describe(q),
      describe(k), describe(v));
  check_real("attention", q);
  check_same_type("attention", q, k);
  check_same_type("attention", q, v);
  for (const Tensor& mask : {options.mask, options.key_padding_mask}) {
    check(!mask.defined() || mask.dtype() == DType::u8, "[attention] masks are u8 (1 keeps), got {}",
          describe(mask));
  }
  const Tensor& padding = options.key_padding_mask;
  if (!padding.defined()) return;
  const bool fits = q.rank() >= 3 && padding.rank() == q.rank() - 2 && padding.shape().back() == k.size(-2) &&
                    std::equal(padding.shape().begin(), padding.shape().end() - 1, q.shape().begin());
  check(fits,
        "[attention] expected a key padding mask (batch..., {}) for k (batch..., heads, S, D), got {} and {}",
        k.size(-2), describe(padding), describe(k));
}

double scale_of(const Tensor& q, const AttentionOptions& options) {
  return options.scale.value_or(1 / std::sqrt(std::max(1.0, static_cast<double>(q.size(-1)))));
}

// (batch..., S) -> (batch..., 1, 1, S)
Tensor padding_as_mask(const Tensor& padding) {
  Dims shape = padding.shape();
  shape.insert(shape.rank() - 1, 1);
  shape.insert(shape.rank() - 1, 1);
  return reshape(padding, shape);
}

// The mask that the fused kernel can apply, or nothing if it can't do what the options ask for.
std::optional<AttentionScores> fused_scores(const Tensor& q, const Tensor& k, const Tensor& v,
                                            const AttentionOptions& options) {
  Tensor mask = options.key_padding_mask.defined() ? padding_as_mask(options.key_padding_mask) : options.mask;
  const bool one_mask = !options.mask.defined() || !options.key_padding_mask.defined();
  const bool keys_only = !mask.defined() || mask.rank() < 2 || mask.size(-2) == 1;
  const auto same_lead = [&](const Tensor& x) {
    return std::equal(x.shape().begin(), x.shape().end() - 2, q.shape().begin(), q.shape().end() - 2);
  };
  if (options.bias.defined() || !one_mask || !keys_only || !same_lead(k) || !same_lead(v) ||
      !kernels(q).fuses_attention(q.size(-1), v.size(-1)))
    return std::nullopt;
  if (mask.defined()) {
    Dims shape = q.shape();
    shape[q.rank() - 2] = 1;
    shape[q.rank() - 1] = k.size(-2);
    mask = expand(mask, shape);
  }
  const std::int64_t queries = q.size(-2), keys = k.size(-2);  // outside of these all or none are seen
  const bool sees_all = options.causal && options.causal_offset >= keys - 1;
  return AttentionScores{scale_of(q, options), options.causal && !sees_all, mask,
                         std::clamp(options.causal_offset, -queries, keys)};
}

Tensor composed(const QKV& x, const AttentionOptions& options) {
  return matmul(attention_weights(x[0], x[1], options), x[2]);
}

// The kernel reads rows that are contiguous.
Tensor with_unit_stride(const Tensor& x) { return x.size(-1) == 1 || x.strides().back() == 1 ? x : clone(x); }

Tensor empty_with_last(const Tensor& x, std::int64_t size) {
  Dims shape = x.shape();
  shape[x.rank() - 1] = size;
  return empty(shape, x.options());
}

// y with heads after positions in memory, so that merging heads costs nothing.
Tensor heads_inside(const Tensor& q, std::int64_t width) {
  if (q.rank() < 3) return empty_with_last(q, width);
  const NoGrad no_grad;
  return transpose(empty_with_last(transpose(q, -3, -2), width), -3, -2);
}

// Where q, k and v stand in an op's inputs, and heads in its output.
struct Layout {
  int heads = 0;  // 0: a dimension of their own

  // One input holds q, k and v side by side; three are q, k and v. Undefined ones stay so.
  QKV parts(std::span<const Tensor> inputs) const {
    QKV x;
    for (int i = 0; i < 3; ++i) {
      const Tensor& input = inputs[inputs.size() == 1 ? 0 : static_cast<std::size_t>(i)];
      if (!input.defined()) continue;
      const std::int64_t width = input.size(-1) / 3;
      x[static_cast<std::size_t>(i)] =
          split(inputs.size() == 1 ? slice(input, -1, i * width, (i + 1) * width) : input);
    }
    return x;
  }
  Tensor split(const Tensor& x) const { return heads == 0 ? x : split_heads(x, heads); }
  Tensor merge(const Tensor& x) const { return heads == 0 ? x : merge_heads(x); }
};

QKV readable(QKV x) {
  for (Tensor& part : x) part = with_unit_stride(part);
  return x;
}

// Tells an observer the products that attention stands for: q k^T and p v, or the four of its gradients;
// causal ones for 64 queries at a time with the keys up to the last of them. What a kernel computes twice
// counts once.
void tell_products(const Tensor& q, const Tensor& k, const Tensor& v, const AttentionScores& scores,
                   bool gradients) {
  Observer* const observer = Observer::current();
  if (observer == nullptr) return;
  const std::int64_t queries = q.size(-2), keys = k.size(-2), depth = q.size(-1), width = v.size(-1);
  const bool causal = scores.causal;
  const std::int64_t heads = Dims(q.shape().begin(), q.shape().end() - 2).numel(),
                     block = causal ? 64 : queries;
  for (std::int64_t first = 0; first < queries; first += std::max<std::int64_t>(block, 1)) {
    const std::int64_t rows = std::min(block, queries - first);
    const std::int64_t seen =
        causal ? std::clamp<std::int64_t>(first + rows + scores.causal_offset, 0, keys) : keys;
    if (!gradients) {
      observer->product({heads, false, true, rows, seen, depth});   // s = q k^T
      observer->product({heads, false, false, rows, width, seen});  // y = p v
    } else {
      observer->product({heads, false, true, rows, seen, width});          // dp = dy v^T
      observer->product({heads, true, false, seen, width, rows, causal});  // dv = p^T dy
      observer->product({heads, false, false, rows, depth, seen});         // dq = ds k
      observer->product({heads, true, false, seen, depth, rows, causal});  // dk = ds^T q
    }
  }
}

template <std::size_t N>
Tensor attend(const std::array<Tensor, N>& inputs, Layout layout, const AttentionOptions& options) {
  const QKV x = layout.parts(inputs);
  check_qkv(x[0], x[1], x[2], options);
  const std::optional<AttentionScores> scores = fused_scores(x[0], x[1], x[2], options);
  const auto reference = [layout, options](const auto&... in) {
    return layout.merge(composed(layout.parts(std::array{in...}), options));
  };
  if (!scores) return std::apply(reference, inputs);

  Tensor y, lse;
  {
    const NoGrad no_grad;
    const Tensor heads = heads_inside(x[0], x[2].size(-1));
    Dims rows = heads.shape();
    rows.erase(rows.rank() - 1);
    lse = empty(rows, heads.options());
    const auto [q, k, v] = readable(x);
    kernels("attention", q, k, v, scores->key_mask).attention(heads, lse, q, k, v, *scores);
    tell_products(q, k, v, *scores, false);
    y = layout.merge(heads);
  }
  const auto check_masks = [mask = saved(options.mask), padding = saved(options.key_padding_mask)] {
    mask(), padding();
  };
  return record_fused(
      "attention", y, inputs,
      [y = saved(y.detach()), lse = saved(lse), scores = *scores, layout, check_masks](
          const Tensor& dy, const std::array<Tensor, N>& in, GradientSlots& slots) {
        check_masks();
        std::array<Tensor, N> gradients;
        for (std::size_t i = 0; i < N; ++i) gradients[i] = empty_like(in[i]);
        const auto [q, k, v] = readable(layout.parts(in));
        const auto [dq, dk, dv] = layout.parts(gradients);
        kernels(q).attention_backward(dq, dk, dv, with_unit_stride(layout.split(dy)), layout.split(y()),
                                      lse(), q, k, v, scores);
        tell_products(q, k, v, scores, true);
        for (std::size_t i = 0; i < N; ++i) slots.add(static_cast<int>(i), std::move(gradients[i]));
      },
      [reference, check_masks](const auto&... in) {
        check_masks();
        return reference(in...);
      });
}

// k or v with each head repeated for the heads of q that share it; a single one without a copy.
Tensor for_heads_of(const Tensor& q, const Tensor& x) {
  if (q.rank() < 3 || x.rank() != q.rank()) return x;
  const std::int64_t heads = q.size(-3), shared = x.size(-3);
  if (shared == heads || shared == 0 || heads % shared != 0) return x;
  Dims shape = x.shape();
  shape[x.rank() - 3] = heads;
  if (shared == 1) return expand(x, shape);
  Dims grouped = x.shape();
  grouped.insert(x.rank() - 2, heads / shared);
  return reshape(expand(unsqueeze(x, -3), grouped), shape);
}

}  // namespace

Tensor attention(const Tensor& q, const Tensor& k, const Tensor& v, const AttentionOptions& options) {
  return attend<3>({q, for_heads_of(q, k), for_heads_of(q, v)}, {}, options);
}

Tensor multi_head_attention(const Tensor& q, const Tensor& k, const Tensor& v, int heads,
                            const AttentionOptions& options) {
  check(heads > 0, "[multi_head_attention] expected at least one head, got {}", heads);
  if (k.size(-1) == q.size(-1)) return attend<3>({q, k, v}, {heads}, options);
  const std::int64_t depth = q.size(-1) / heads, shared = depth > 0 ? k.size(-1) / depth : 0;
  check(shared > 0 && q.size(-1) == heads * depth && k.size(-1) == shared * depth && heads % shared == 0,
        "[multi_head_attention] {} heads of q {} do not share those of k {}", heads, describe(q),
        describe(k));
  const int groups = static_cast<int>(shared);
  return merge_heads(
      attention(split_heads(q, heads), split_heads(k, groups), split_heads(v, groups), options));
}

Tensor packed_attention(const Tensor& qkv, int heads, const AttentionOptions& options) {
  check(qkv.rank() >= 2 && heads > 0 && qkv.size(-1) % (3 * heads) == 0,
        "[packed_attention] expected qkv (..., T, 3 heads D) with heads = {}, got {}", heads, describe(qkv));
  return attend<1>({qkv}, {heads}, options);
}

Tensor attention_scores(const Tensor& q, const Tensor& k, const AttentionOptions& options) {
  check_qkv(q, k, k, options);
  Tensor scores = matmul(q * scale_of(q, options), transpose(for_heads_of(q, k), -1, -2));
  if (options.bias.defined()) scores = scores + options.bias;
  const Tensor hidden = full({}, -std::numeric_limits<double>::infinity(), q.options());
  if (options.causal) {
    const Tensor past = tril_mask(scores.size(-2), scores.size(-1), options.causal_offset, scores.device());
    scores = where(past, scores, hidden);
  }
  if (options.mask.defined()) scores = where(options.mask, scores, hidden);
  if (options.key_padding_mask.defined())
    scores = where(padding_as_mask(options.key_padding_mask), scores, hidden);
  return scores;
}

Tensor attention_weights(const Tensor& q, const Tensor& k, const AttentionOptions& options) {
  return masked_softmax(attention_scores(q, k, options), -1);
}

Tensor split_heads(const Tensor& x, int heads) {
  check(x.rank() >= 2 && heads > 0 && x.size(-1) % heads == 0,
        "[split_heads] expected (..., T, heads D) with heads = {}, got {}", heads, describe(x));
  Dims shape = x.shape();
  shape[x.rank() - 1] = heads;
  shape.push_back(x.size(-1) / heads);
  return transpose(reshape(x, shape), -3, -2);
}

Tensor merge_heads(const Tensor& x) {
  check(x.rank() >= 3, "[merge_heads] expected (..., heads, T, D), got {}", describe(x));
  const Tensor inside = transpose(x, -3, -2);
  Dims shape = inside.shape();
  shape[shape.rank() - 2] *= shape.back();
  shape.erase(shape.rank() - 1);
  return reshape(inside, shape);
}

}  // namespace lockstep
