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

// The numbers of a line, in registers.
template <typename T>
struct Line {
  static constexpr int vectors = line<T> / lanes<T>;
  Vec<T> numbers[vectors];

  HWY_INLINE explicit Line(T value) {
    for (Vec<T>& v : numbers) v = set<T>(value);
  }
  HWY_INLINE void put(std::int64_t at, Vec<T> value) {
    for (int v = 0; v < vectors; ++v) {
      const auto here = hn::Eq(hn::Iota(Tag<T>(), static_cast<T>(v * lanes<T>)), set<T>(static_cast<T>(at)));
      numbers[v] = hn::IfThenElse(here, value, numbers[v]);
    }
  }
  HWY_INLINE void store(T* to) const {
    for (int v = 0; v < vectors; ++v) hn::Store(numbers[v], Tag<T>(), to + v * lanes<T>);
  }
};

// In every lane.
template <typename T>
HWY_INLINE Vec<T> dot(const T* a, const T* b, std::int64_t n) {
  Vec<T> sum = set<T>(0);
  for_vectors<T>(n, [&](std::int64_t i, auto part)
                        HWY_ATTR { sum = hn::MulAdd(part.load(a + i), part.load(b + i), sum); });
  return hn::SumOfLanes(Tag<T>(), sum);
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

// factor q k_j of the keys that are seen, `hidden` after them.
template <typename T>
HWY_INLINE Line<T> dots(const T* q, const T* k, std::int64_t stride, std::int64_t seen, std::int64_t dim,
                        T factor, T hidden) {
  Line<T> products(hidden);
  for (std::int64_t j = 0; j < seen; ++j)
    products.put(j, hn::Mul(set<T>(factor), dot(q, k + j * stride, dim)));
  return products;
}

// Scores are kept times this, so that exp becomes exp2.
template <typename T>
HWY_INLINE T score_factor(const Attention& a) {
  return static_cast<T>(a.scale * std::numbers::log2e);
}

HWY_INLINE std::int64_t keys_seen(const Attention& a, std::int64_t query) {
  return a.causal ? std::min(query + 1 + a.causal_offset, a.keys) : a.keys;
}

template <typename T>
void short_forward(const AttentionForward<T>& call, std::int64_t begin, std::int64_t end) {
  const Attention& a = call.attention;
  HWY_ALIGN T weights[line<T>];
  for (std::int64_t which = begin; which < end; ++which) {
    const std::int64_t b = which / a.heads, h = which % a.heads;
    for (std::int64_t i = 0; i < a.queries; ++i) {
      const std::int64_t seen = keys_seen(a, i);
      Line<T> w = dots(call.q.head(b, h) + i * call.q.token_stride, call.k.head(b, h), call.k.token_stride,
                       seen, a.dim, score_factor<T>(a), -std::numeric_limits<T>::infinity());
      Vec<T> most = w.numbers[0], sum = set<T>(0);
      for (const Vec<T>& v : w.numbers) most = hn::Max(most, v);
      const Vec<T> shift = hn::MaxOfLanes(Tag<T>(), most);
      for (Vec<T>& v : w.numbers) {
        v = exp2_negative<T>(hn::Sub(v, shift));
        sum = hn::Add(sum, v);
      }
      const Vec<T> total = hn::SumOfLanes(Tag<T>(), sum);
      for (Vec<T>& v : w.numbers) v = hn::Div(v, total);
      w.store(weights);
      if (call.lse != nullptr) {
        call.lse[which * a.queries + i] =
            hn::GetLane(shift) * std::numbers::ln2_v<T> + hn::GetLane(log<T>(total));
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
    HeadRows<T> next = call.rows(which + a.heads);  // of the next batch row
    const T *const q = call.q.head(b, h), *const k = call.k.head(b, h), *const v = call.v.head(b, h),
                   *const dout = call.dout.head(b, h);
    for (std::int64_t i = 0; i < a.queries; ++i) {
      T* const p = weights + i * line<T>;
      T* const ds = dscores + i * line<T>;
      const std::int64_t seen = keys_seen(a, i);
      next.fetch(4);
      Line<T> w = dots(q + i * call.q.token_stride, k, call.k.token_stride, seen, a.dim, score_factor<T>(a),
                       -std::numeric_limits<T>::infinity());
      Line<T> up =
          dots(dout + i * call.dout.token_stride, v, call.v.token_stride, seen, a.value_dim, T(1), T(0));
      const Vec<T> shift = set<T>(call.lse[which * a.queries + i] * std::numbers::log2e_v<T>);
      Vec<T> sum = set<T>(0), weight = set<T>(0);
      for (int n = 0; n < Line<T>::vectors; ++n) {
        w.numbers[n] = exp2_negative<T>(hn::Sub(w.numbers[n], shift));
        weight = hn::Add(weight, w.numbers[n]);
        sum = hn::MulAdd(w.numbers[n], up.numbers[n], sum);
      }
      const Vec<T> delta = hn::Div(hn::SumOfLanes(Tag<T>(), sum), hn::SumOfLanes(Tag<T>(), weight)),
                   scale = set<T>(static_cast<T>(a.scale));
      for (int n = 0; n < Line<T>::vectors; ++n) {
        up.numbers[n] = hn::Mul(w.numbers[n], hn::Mul(hn::Sub(up.numbers[n], delta), scale));
      }
      w.store(p);
      up.store(ds);
      combine(call.dq.head(b, h) + i * call.dq.token_stride, ds, 1, k, call.k.token_stride, seen, a.dim);
    }
    for (std::int64_t j = 0; j < a.keys; ++j) {
      const std::int64_t first = a.causal ? std::clamp<std::int64_t>(j - a.causal_offset, 0, a.queries) : 0,
                         count = a.queries - first;
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
