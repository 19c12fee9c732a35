// Attention, backward.
#include <algorithm>
#include <limits>
#include <numbers>

#include "core/cpu/simd/attention.h"
#include "core/cpu/simd/attention_heads.h"
#include "core/cpu/simd/dispatch.h"
#include "core/runtime/memory.h"
#include "core/runtime/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/cpu/simd/attention_backward.cpp"
#include <hwy/foreach_target.h>

#include "core/cpu/simd/attention_tile-inl.h"

#ifndef LOCKSTEP_ATTENTION_BACKWARD_TABLE  // once, not for every target
#define LOCKSTEP_ATTENTION_BACKWARD_TABLE
namespace lockstep::cpu {
template <typename T>
struct AttentionBackwardTable {
  // Heads [begin, end) of all batch rows.
  void (*run)(const AttentionBackward<T>& call, std::int64_t begin, std::int64_t end);
};
}  // namespace lockstep::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace lockstep::cpu::HWY_NAMESPACE {
namespace {

// With the weights P = exp(scale q k^T - lse) and delta = sum(dout out) of each query:
//     dv = P^T dout,  dS = scale P (dout v^T - delta),  dk = dS^T q,  dq = dS k
// a part of the keys at a time, which stays in the second cache, and of it a block of queries at a time; each
// block computes its weights again and adds to dk and dv.
//
// Each query's dS sums to 0: the gradient of a bias of k is 0, and what rounding leaves of it is all that is
// there. Where one block holds all keys of a query, the rest of its sum is taken back from its dS.
template <typename T>
class BackwardHead {
 public:
  explicit BackwardHead(const Attention& call)
      : call_(call),
        width_(packed_width<T>(call.dim)),
        value_width_(packed_width<T>(call.value_dim)),
        part_(std::clamp(part_bytes / (2 * (width_ + value_width_) * static_cast<std::int64_t>(sizeof(T))) /
                             block_keys * block_keys,
                         block_keys, round_up(std::max<std::int64_t>(call.keys, 1), block_keys))),
        scratch_(static_cast<std::size_t>(2 * part_ * (width_ + value_width_) +
                                          columns * (3 * width_ + 2 * value_width_ + 2 * block_keys)) *
                 sizeof(T)),
        keys_(static_cast<T*>(scratch_.data())),
        values_(keys_ + part_ * width_),
        dkeys_(values_ + part_ * value_width_),
        dvalues_(dkeys_ + part_ * width_),
        query_rows_(dvalues_ + part_ * value_width_),
        dout_rows_(query_rows_ + columns * width_),
        queries_(dout_rows_ + columns * value_width_),
        douts_(queries_ + columns * width_),
        dquery_rows_(douts_ + columns * value_width_),
        weights_(dquery_rows_ + columns * width_),
        dscores_(weights_ + columns * block_keys) {}

  void run(const AttentionBackward<T>& call, std::int64_t batch, std::int64_t head, const HeadRows<T>& next) {
    next_ = next;
    all_ = VisibleKeys{call.visible.count(batch, call_), call.visible.positions(batch, call_)};
    T *const dk = call.dk.head(batch, head), *const dv = call.dv.head(batch, head);
    for (std::int64_t i = all_.position == nullptr ? all_.count : 0; i < call_.keys; ++i) {
      std::fill_n(dk + i * call.dk.token_stride, call_.dim, T(0));
      std::fill_n(dv + i * call.dv.token_stride, call_.value_dim, T(0));
    }
    std::int64_t begin = 0;
    do {
      const std::int64_t end = std::min(begin + part_, all_.count);
      visible_ = all_.part(begin, end);
      first_part_ = begin == 0;
      pack_keys(call.k.head(batch, head), call.k.token_stride, call.v.head(batch, head), call.v.token_stride);
      for (std::int64_t i = 0; i < call_.queries; i += block_queries<T>)
        some_queries(call, batch, head, i, std::min(block_queries<T>, call_.queries - i));
      unpack_rows(dk, call.dk.token_stride, dkeys_, width_, call_.dim, visible_);
      unpack_rows(dv, call.dv.token_stride, dvalues_, value_width_, call_.value_dim, visible_);
      begin = end;
    } while (begin < all_.count);
  }

 private:
  static constexpr std::int64_t columns = padded_queries<T>;
  static constexpr std::int64_t part_bytes = std::int64_t{1} << 19;  // of keys, values and their gradients

  void pack_keys(const T* k, std::int64_t k_stride, const T* v, std::int64_t v_stride) {
    pack_rows(keys_, width_, k, k_stride, call_.dim, visible_);
    pack_rows(values_, value_width_, v, v_stride, call_.value_dim, visible_);
    const std::int64_t n = visible_.count, padded = round_up(n, 2 * tile_rows);
    std::fill(keys_ + n * width_, keys_ + padded * width_, T(0));
    std::fill(values_ + n * value_width_, values_ + padded * value_width_, T(0));
    std::fill_n(dkeys_, padded * width_, T(0));
    std::fill_n(dvalues_, padded * value_width_, T(0));
  }

  // `count` queries, the first of which is query number `first`.
  void some_queries(const AttentionBackward<T>& call, std::int64_t batch, std::int64_t head,
                    std::int64_t first, std::int64_t count) {
    first_ = first + call_.causal_offset, count_ = count;
    const auto seen_of = [&](const VisibleKeys& keys) {
      return call_.causal ? keys.up_to(first_ + count - 1) : keys.count;
    };
    const std::int64_t seen = seen_of(visible_);
    T* const dq = call.dq.head(batch, head) + first * call.dq.token_stride;
    if (seen == 0) {
      if (first_part_) {
        for (std::int64_t i = 0; i < count; ++i) std::fill_n(dq + i * call.dq.token_stride, call_.dim, T(0));
      }
      return;
    }
    take_queries(call.q.head(batch, head) + first * call.q.token_stride, call.q.token_stride,
                 call.dout.head(batch, head) + first * call.dout.token_stride, call.dout.token_stride,
                 call.out.head(batch, head) + first * call.out.token_stride, call.out.token_stride,
                 call.lse + (batch * call_.heads + head) * call_.queries + first);
    if (!first_part_) copy_rows(dquery_rows_, width_, dq, call.dq.token_stride, count, call_.dim, width_);
    const bool narrow = count <= lanes<T>;
    if (seen_of(all_) <= block_keys) {
      narrow ? blocks<1, true>(seen) : blocks<2, true>(seen);
    } else {
      narrow ? blocks<1, false>(seen) : blocks<2, false>(seen);
    }
    copy_rows(dq, call.dq.token_stride, dquery_rows_, width_, count, call_.dim, call_.dim);
  }

  void take_queries(const T* q, std::int64_t q_stride, const T* dout, std::int64_t dout_stride, const T* out,
                    std::int64_t out_stride, const T* lse) {
    copy_rows(query_rows_, width_, q, q_stride, count_, call_.dim, width_);
    copy_rows(dout_rows_, value_width_, dout, dout_stride, count_, call_.value_dim, value_width_);
    std::fill(query_rows_ + count_ * width_, query_rows_ + columns * width_, T(0));
    std::fill(dout_rows_ + count_ * value_width_, dout_rows_ + columns * value_width_, T(0));
    const T scale = static_cast<T>(call_.scale);
    transpose(queries_, columns, query_rows_, width_, columns, width_,
              static_cast<T>(call_.scale * std::numbers::log2e));
    transpose(douts_, columns, dout_rows_, value_width_, columns, value_width_, scale);

    // delta: the sums across lanes become sums of rows of the transpose.
    constexpr std::int64_t side = std::max<std::int64_t>(lanes<T>, 16 / sizeof(T));
    HWY_ALIGN T shift[columns];
    HWY_ALIGN T products[columns * side] = {};
    HWY_ALIGN T transposed[side * columns];
    // No weight where nothing was seen: exp2(score - infinity) = 0.
    constexpr T infinity = std::numeric_limits<T>::infinity();
    std::fill_n(shift, columns, infinity);
    for_vectors<T>(count_, [&](std::int64_t i, auto part) HWY_ATTR {
      const Vec<T> x = part.load(lse + i);
      part.store(hn::IfThenElse(hn::Eq(x, set<T>(-infinity)), set<T>(infinity),
                                hn::Mul(x, set<T>(std::numbers::log2e_v<T>))),
                 shift + i);
    });
    for (std::int64_t i = 0; i < count_; ++i) {
      Vec<T> sum = set<T>(0);
      for_vectors<T>(call_.value_dim, [&](std::int64_t j, auto part) HWY_ATTR {
        sum = hn::MulAdd(part.load(dout_rows_ + i * value_width_ + j), part.load(out + i * out_stride + j),
                         sum);
      });
      hn::StoreU(sum, Tag<T>(), products + i * side);
    }
    transpose(transposed, columns, products, side, columns, side, scale);
    for (int v = 0; v < 2; ++v) {
      shift_[v] = hn::Load(Tag<T>(), shift + v * lanes<T>);
      delta_[v] = set<T>(0);
      for (std::int64_t j = 0; j < side; ++j)
        delta_[v] = hn::Add(delta_[v], hn::Load(Tag<T>(), transposed + j * columns + v * lanes<T>));
    }
  }

  // `whole`: the `seen` keys are all that these queries see, and one block.
  template <int vectors, bool whole>
  void blocks(std::int64_t seen) {
    for (std::int64_t begin = 0; begin < seen; begin += block_keys) {
      const std::int64_t end = std::min(begin + block_keys, seen);
      Vec<T> weight[2] = {set<T>(0), set<T>(0)}, rest[2] = {set<T>(0), set<T>(0)};  // sums of P and dS
      for (std::int64_t key = begin; key < end; key += tile_rows) {
        const std::int64_t at = (key - begin) * columns;
        // No query of the first vector sees a key from here on.
        const bool late = call_.causal && visible_.at(key) - first_ >= lanes<T>;
        late ? scores<vectors - 1, vectors>(at, key, seen, weight, rest)
             : scores<0, vectors>(at, key, seen, weight, rest);
      }
      const std::int64_t keys = round_up(end - begin, tile_rows);
      if constexpr (whole) take_back<vectors>(rest, weight, keys);
      // for_tiles takes twice the rows of a tile.
      const std::int64_t more = round_up(keys, 2 * tile_rows) - keys;
      std::fill_n(weights_ + keys * columns, more * columns, T(0));
      std::fill_n(dscores_ + keys * columns, more * columns, T(0));
      add_to_keys(dvalues_ + begin * value_width_, value_width_, weights_, dout_rows_, begin, keys);
      add_to_keys(dkeys_ + begin * width_, width_, dscores_, query_rows_, begin, keys);
      add_to_queries(begin, end);
    }
  }

  // A tile of P and of dS, of the vectors from `from` on; those before are 0.
  template <int from, int vectors>
  HWY_INLINE void scores(std::int64_t at, std::int64_t key, std::int64_t seen, Vec<T>* weight, Vec<T>* rest) {
    T *const weights = weights_ + at, *const dscores = dscores_ + at;
    Tile<T, tile_rows, vectors - from> tile;
    tile.clear();
    tile.multiply(keys_ + key * width_, width_, 1, queries_ + from * lanes<T>, columns, call_.dim);
    HWY_UNROLL(16)
    for (int r = 0; r < tile_rows; ++r) {
      HWY_UNROLL(2)
      for (int v = from; v < vectors; ++v)
        tile.sums[r][v - from] = exp2_negative<T>(hn::Sub(tile.sums[r][v - from], shift_[v]));
    }
    if (key + tile_rows > seen || (call_.causal && visible_.at(key + tile_rows - 1) > first_))
      hide<from>(tile, visible_, call_.causal, first_, key, seen, T(0));
    tile.store(weights + from * lanes<T>, columns);
    next_.fetch(4);
    tile.clear();
    tile.multiply(values_ + key * value_width_, value_width_, 1, douts_ + from * lanes<T>, columns,
                  call_.value_dim);
    HWY_UNROLL(16)
    for (int r = 0; r < tile_rows; ++r) {
      if constexpr (from > 0) {
        hn::Store(hn::Zero(Tag<T>()), Tag<T>(), weights + r * columns);
        hn::Store(hn::Zero(Tag<T>()), Tag<T>(), dscores + r * columns);
      }
      HWY_UNROLL(2)
      for (int v = from; v < vectors; ++v) {
        Vec<T>& ds = tile.sums[r][v - from];
        const Vec<T> p = hn::Load(Tag<T>(), weights + r * columns + v * lanes<T>);
        ds = hn::Mul(p, hn::Sub(ds, delta_[v]));
        weight[v] = hn::Add(weight[v], p);
        rest[v] = hn::Add(rest[v], ds);
      }
    }
    tile.store(dscores + from * lanes<T>, columns);
    next_.fetch(4);
  }

  // dS -= P rest / weight
  template <int vectors>
  HWY_INLINE void take_back(const Vec<T>* rest, const Vec<T>* weight, std::int64_t keys) {
    Vec<T> share[vectors];
    for (int v = 0; v < vectors; ++v)
      share[v] = hn::IfThenElseZero(hn::Gt(weight[v], set<T>(0)), hn::Div(rest[v], weight[v]));
    for (std::int64_t i = 0; i < keys; ++i) {
      HWY_UNROLL(2)
      for (int v = 0; v < vectors; ++v) {
        const std::int64_t at = i * columns + v * lanes<T>;
        const Vec<T> p = hn::Load(Tag<T>(), weights_ + at), ds = hn::Load(Tag<T>(), dscores_ + at);
        hn::Store(hn::NegMulAdd(p, share[v], ds), Tag<T>(), dscores_ + at);
      }
    }
  }

  // total[key] += sum over the block's queries of factors[key][query] rows[query]
  HWY_INLINE void add_to_keys(T* total, std::int64_t width, const T* factors, const T* rows,
                              std::int64_t begin, std::int64_t keys) {
    for_tiles<T>(keys, width, [&]<int tall, int wide>(std::int64_t i, std::int64_t j) HWY_ATTR {
      // Causal: no query before the first of these keys sees any of them.
      const std::int64_t query =
          call_.causal ? std::clamp<std::int64_t>(visible_.at(begin + i) - first_, 0, count_) : 0;
      T* const at = total + i * width + j;
      Tile<T, tall, wide> sums;
      sums.load(at, width);
      sums.multiply(factors + i * columns + query, columns, 1, rows + query * width + j, width,
                    count_ - query);
      sums.store(at, width);
    });
  }

  // dq[query] += sum over the keys of dS[key][query] k[key]
  HWY_INLINE void add_to_queries(std::int64_t begin, std::int64_t end) {
    for_tiles<T>(round_up(count_, tile_rows), width_,
                 [&]<int tall, int wide>(std::int64_t i, std::int64_t j) HWY_ATTR {
                   const std::int64_t last =
                       call_.causal ? std::min(end, visible_.up_to(first_ + i + tall - 1)) : end;
                   T* const at = dquery_rows_ + i * width_ + j;
                   Tile<T, tall, wide> sums;
                   sums.clear();
                   if (!first_part_ || begin > 0) sums.load(at, width_);
                   sums.multiply(dscores_ + i, 1, columns, keys_ + begin * width_ + j, width_, last - begin);
                   sums.store(at, width_);
                 });
  }

  const Attention& call_;
  const std::int64_t width_, value_width_;
  const std::int64_t part_;  // keys that are packed at a time, at most
  Buffer scratch_;
  T *const keys_, *const values_, *const dkeys_, *const dvalues_;  // (key, width)
  T *const query_rows_, *const dout_rows_;                         // (query, width)
  T *const queries_, *const douts_;                                // their transposes, scaled
  T* const dquery_rows_;                                           // (query, width)
  T *const weights_, *const dscores_;                              // (key of the block, query)
  VisibleKeys all_{}, visible_{};                                  // of the head, and of the part
  bool first_part_ = true;
  std::int64_t first_ = 0, count_ = 0;  // the last key that the block's first query sees, if causal; queries
  HeadRows<T> next_;                    // of the next head
  Vec<T> shift_[2], delta_[2];
};

template <typename T>
void run_backward(const AttentionBackward<T>& call, std::int64_t begin, std::int64_t end) {
  const Attention& a = call.attention;
  BackwardHead<T> head(a);
  for (std::int64_t which = begin; which < end; ++which)
    head.run(call, which / a.heads, which % a.heads, call.rows(which + 1));
}

const Tables<AttentionBackwardTable>& attention_backward_tables() {
  static constexpr Tables<AttentionBackwardTable> tables = {{run_backward<float>}, {run_backward<double>}};
  return tables;
}

}  // namespace
}  // namespace lockstep::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lockstep::cpu {

HWY_EXPORT(attention_backward_tables);

template <typename T>
void attention_backward(AttentionView<T> dq, AttentionView<T> dk, AttentionView<T> dv,
                        AttentionView<const T> dout, AttentionView<const T> out, const T* lse,
                        AttentionView<const T> q, AttentionView<const T> k, AttentionView<const T> v,
                        const Attention& call) {
  const VisiblePositions visible(call);
  const AttentionBackward<T> work{dq, dk, dv, dout, out, lse, q, k, v, call, visible};
  const auto kernel = is_short(call) ? short_attention_backward<T>
                                     : HWY_DYNAMIC_DISPATCH(attention_backward_tables)().get<T>().run;
  parallel_for(call.batch * call.heads, head_grain(call, call.queries),
               [&](std::int64_t begin, std::int64_t end) { kernel(work, begin, end); });
}

#define LOCKSTEP_FOR(T)                                                                                     \
  template void attention_backward(                                                                         \
      AttentionView<T>, AttentionView<T>, AttentionView<T>, AttentionView<const T>, AttentionView<const T>, \
      const T*, AttentionView<const T>, AttentionView<const T>, AttentionView<const T>, const Attention&);
LOCKSTEP_FOR(float)
LOCKSTEP_FOR(double)
#undef LOCKSTEP_FOR

}  // namespace lockstep::cpu
#endif
