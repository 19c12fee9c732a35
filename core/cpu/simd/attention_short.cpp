// Attention over a handful of tokens, where the blocks of the general kernels would be mostly padding:
// vectors run along the head's dimensions, and the scores of a head are a few numbers. Bound by the sums
// across lanes, one for every pair of tokens forward and two backward.
#include <algorithm>
#include <limits>
#include <numbers>

#include "core/cpu/simd/attention.h"
#include "core/cpu/simd/attention_heads.h"
#include "core/cpu/simd/dispatch.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/cpu/simd/attention_short.cpp"
#include <hwy/foreach_target.h>

#include "core/cpu/simd/math-inl.h"

#ifndef LOCKSTEP_ATTENTION_SHORT_TABLE  // once, not for every target
#define LOCKSTEP_ATTENTION_SHORT_TABLE
namespace lockstep::cpu {
template <typename T>
struct ShortAttentionTable {
  // Heads [begin, end) of all batch rows.
  void (*forward)(const AttentionForward<T>& call, std::int64_t begin, std::int64_t end);
  void (*backward)(const AttentionBackward<T>& call, std::int64_t begin, std::int64_t end);
};
}  // namespace lockstep::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace lockstep::cpu::HWY_NAMESPACE {
namespace {

// One number for every key, and a whole number of vectors.
template <typename T>
inline constexpr std::int64_t line = std::max(short_tokens, lanes<T>);

template <typename T>
HWY_INLINE T dot(const T* a, const T* b, std::int64_t n) {
  Vec<T> sum = set<T>(0);
  for_vectors<T>(n, [&](std::int64_t i, auto part)
                        HWY_ATTR { sum = hn::MulAdd(part.load(a + i), part.load(b + i), sum); });
  return sum_lanes<T>(sum);
}

// to = sum over i < count of factors[i step] rows[i stride ...]
template <typename T>
HWY_INLINE void combine(T* to, const T* factors, std::int64_t step, const T* rows, std::int64_t stride,
                        std::int64_t count, std::int64_t width) {
  for_vectors<T>(width, [&](std::int64_t j, auto part) HWY_ATTR {
    Vec<T> sum = set<T>(0);
    for (std::int64_t i = 0; i < count; ++i)
      sum = hn::MulAdd(set<T>(factors[i * step]), part.load(rows + i * stride + j), sum);
    part.store(sum, to + j);
  });
}

// scores[j] = log2(e) scale q k_j for the keys that are seen, -inf behind them.
template <typename T>
HWY_INLINE void score_keys(T* scores, const T* q, const T* k, std::int64_t stride, std::int64_t seen,
                           const Attention& a) {
  const T factor = static_cast<T>(a.scale * std::numbers::log2e);
  for (std::int64_t j = 0; j < line<T>; ++j)
    scores[j] = j < seen ? factor * dot(q, k + j * stride, a.dim) : -std::numeric_limits<T>::infinity();
}

HWY_INLINE std::int64_t keys_seen(const Attention& a, std::int64_t query) {
  return a.causal ? std::min(query + 1, a.keys) : a.keys;
}

template <typename T>
void short_forward(const AttentionForward<T>& call, std::int64_t begin, std::int64_t end) {
  const Attention& a = call.attention;
  HWY_ALIGN T weights[line<T>];
  for (std::int64_t which = begin; which < end; ++which) {
    const std::int64_t b = which / a.heads, h = which % a.heads;
    for (std::int64_t i = 0; i < a.queries; ++i) {
      const std::int64_t seen = keys_seen(a, i);
      score_keys(weights, call.q.head(b, h) + i * call.q.token_stride, call.k.head(b, h), call.k.token_stride,
                 seen, a);
      Vec<T> most = set<T>(-std::numeric_limits<T>::infinity()), sum = set<T>(0);
      for_vectors<T>(
          line<T>, [&](std::int64_t j, auto part) HWY_ATTR { most = hn::Max(part.load(weights + j), most); });
      const T shift = max_lanes<T>(most);
      for_vectors<T>(line<T>, [&](std::int64_t j, auto part) HWY_ATTR {
        const Vec<T> w = exp2_negative<T>(hn::Sub(part.load(weights + j), set<T>(shift)));
        sum = hn::Add(sum, w);
        part.store(w, weights + j);
      });
      const T total = sum_lanes<T>(sum);
      for (std::int64_t j = 0; j < seen; ++j) weights[j] /= total;
      if (call.lse != nullptr) {
        call.lse[which * a.queries + i] = shift * std::numbers::ln2_v<T> + hn::GetLane(log<T>(set<T>(total)));
      }
      combine(call.out.head(b, h) + i * call.out.token_stride, weights, 1, call.v.head(b, h),
              call.v.token_stride, seen, a.value_dim);
    }
  }
}

// As in the general kernel, with delta = sum(p dp) / sum(p) over the keys, so that each query's dS sum to 0.
template <typename T>
void short_backward(const AttentionBackward<T>& call, std::int64_t begin, std::int64_t end) {
  const Attention& a = call.attention;
  HWY_ALIGN T weights[short_tokens * line<T>];  // (query, key)
  HWY_ALIGN T dscores[short_tokens * line<T>];
  for (std::int64_t which = begin; which < end; ++which) {
    const std::int64_t b = which / a.heads, h = which % a.heads;
    const T *const q = call.q.head(b, h), *const k = call.k.head(b, h), *const v = call.v.head(b, h),
                   *const dout = call.dout.head(b, h);
    for (std::int64_t i = 0; i < a.queries; ++i) {
      T* const p = weights + i * line<T>;
      T* const ds = dscores + i * line<T>;
      const std::int64_t seen = keys_seen(a, i);
      score_keys(p, q + i * call.q.token_stride, k, call.k.token_stride, seen, a);
      for (std::int64_t j = 0; j < line<T>; ++j) {
        ds[j] = j < seen ? dot(dout + i * call.dout.token_stride, v + j * call.v.token_stride, a.value_dim)
                         : T(0);
      }
      const Vec<T> shift = set<T>(call.lse[which * a.queries + i] * std::numbers::log2e_v<T>);
      Vec<T> sum = set<T>(0), weight = set<T>(0);
      for_vectors<T>(line<T>, [&](std::int64_t j, auto part) HWY_ATTR {
        const Vec<T> w = exp2_negative<T>(hn::Sub(part.load(p + j), shift));
        weight = hn::Add(weight, w);
        sum = hn::MulAdd(w, part.load(ds + j), sum);
        part.store(w, p + j);
      });
      const Vec<T> delta = set<T>(sum_lanes<T>(sum) / sum_lanes<T>(weight)),
                   scale = set<T>(static_cast<T>(a.scale));
      for_vectors<T>(line<T>, [&](std::int64_t j, auto part) HWY_ATTR {
        const Vec<T> up = hn::Mul(hn::Sub(part.load(ds + j), delta), scale);
        part.store(hn::Mul(part.load(p + j), up), ds + j);
      });
      combine(call.dq.head(b, h) + i * call.dq.token_stride, ds, 1, k, call.k.token_stride, seen, a.dim);
    }
    for (std::int64_t j = 0; j < a.keys; ++j) {
      const std::int64_t first = a.causal ? std::min(j, a.queries) : 0, count = a.queries - first;
      const std::int64_t at = first * line<T> + j;
      combine(call.dk.head(b, h) + j * call.dk.token_stride, dscores + at, line<T>,
              q + first * call.q.token_stride, call.q.token_stride, count, a.dim);
      combine(call.dv.head(b, h) + j * call.dv.token_stride, weights + at, line<T>,
              dout + first * call.dout.token_stride, call.dout.token_stride, count, a.value_dim);
    }
  }
}

const Tables<ShortAttentionTable>& short_attention_tables() {
  static constexpr Tables<ShortAttentionTable> tables = {{short_forward<float>, short_backward<float>},
                                                         {short_forward<double>, short_backward<double>}};
  return tables;
}

}  // namespace
}  // namespace lockstep::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lockstep::cpu {

HWY_EXPORT(short_attention_tables);

template <typename T>
void short_attention_forward(const AttentionForward<T>& call, std::int64_t begin, std::int64_t end) {
  HWY_DYNAMIC_DISPATCH(short_attention_tables)().get<T>().forward(call, begin, end);
}
template <typename T>
void short_attention_backward(const AttentionBackward<T>& call, std::int64_t begin, std::int64_t end) {
  HWY_DYNAMIC_DISPATCH(short_attention_tables)().get<T>().backward(call, begin, end);
}

template void short_attention_forward(const AttentionForward<float>&, std::int64_t, std::int64_t);
template void short_attention_forward(const AttentionForward<double>&, std::int64_t, std::int64_t);
template void short_attention_backward(const AttentionBackward<float>&, std::int64_t, std::int64_t);
template void short_attention_backward(const AttentionBackward<double>&, std::int64_t, std::int64_t);

}  // namespace lockstep::cpu
#endif
