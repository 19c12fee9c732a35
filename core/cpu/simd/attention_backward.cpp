// Attention, backward.
#include <algorithm>
#include <limits>
#include <numbers>

#include "core/cpu/simd/attention.h"
#include "core/cpu/simd/attention_heads.h"
#include "core/cpu/simd/dispatch.h"
#include "core/memory.h"
#include "core/parallel.h"

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
// a block of queries at a time; each block computes its weights again and adds to dk and dv.
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
        padded_keys_(round_up(call.keys, 2 * tile_rows)),
        scratch_(static_cast<std::size_t>(2 * padded_keys_ * (width_ + value_width_) +
                                          columns * (3 * width_ + 2 * value_width_ + 2 * block_keys)) *
                 sizeof(T)),
        keys_(static_cast<T*>(scratch_.data())),
        values_(keys_ + padded_keys_ * width_),
        dkeys_(values_ + padded_keys_ * value_width_),
        dvalues_(dkeys_ + padded_keys_ * width_),
        query_rows_(dvalues_ + padded_keys_ * value_width_),
        dout_rows_(query_rows_ + columns * width_),
        queries_(dout_rows_ + columns * value_width_),
        douts_(queries_ + columns * width_),
        dqueries_(douts_ + columns * value_width_),
        weights_(dqueries_ + columns * width_),
        dscores_(weights_ + columns * block_keys) {}

  void pack_keys(const T* k, std::int64_t k_stride, const T* v, std::int64_t v_stride,
                 const VisibleKeys& visible, const HeadRows<T>& next) {
    visible_ = visible;
    next_ = next;
    for (std::int64_t i = 0; i < visible.count; ++i) {
      copy_row(keys_ + i * width_, k + visible.at(i) * k_stride, call_.dim, width_);
      copy_row(values_ + i * value_width_, v + visible.at(i) * v_stride, call_.value_dim, value_width_);
    }
    const std::int64_t n = visible.count, padded = round_up(n, 2 * tile_rows);
    std::fill(keys_ + n * width_, keys_ + padded * width_, T(0));
    std::fill(values_ + n * value_width_, values_ + padded * value_width_, T(0));
    std::fill_n(dkeys_, padded * width_, T(0));
    std::fill_n(dvalues_, padded * value_width_, T(0));
  }

  // `count` queries, the first of which is query number `first`.
  void run(T* dq, std::int64_t dq_stride, const T* dout, std::int64_t dout_stride, const T* out,
           std::int64_t out_stride, const T* lse, const T* q, std::int64_t q_stride, std::int64_t first,
           std::int64_t count) {
    HWY_ALIGN T shift[columns];
    HWY_ALIGN T delta[columns];
    for (std::int64_t i = 0; i < columns; ++i) {
      T* const query = query_rows_ + i * width_;
      T* const up = dout_rows_ + i * value_width_;
      // No weight where nothing was seen: exp2(score - infinity) = 0.
      shift[i] = std::numeric_limits<T>::infinity();
      delta[i] = 0;
      if (i >= count) {
        std::fill_n(query, width_, T(0));
        std::fill_n(up, value_width_, T(0));
        continue;
      }
      copy_row(query, q + i * q_stride, call_.dim, width_);
      copy_row(up, dout + i * dout_stride, call_.value_dim, value_width_);
      if (lse[i] != -std::numeric_limits<T>::infinity()) shift[i] = lse[i] * std::numbers::log2e_v<T>;
      Vec<T> sum = set<T>(0);
      for_vectors<T>(call_.value_dim, [&](std::int64_t j, auto part) HWY_ATTR {
        sum = hn::MulAdd(part.load(up + j), part.load(out + i * out_stride + j), sum);
      });
      delta[i] = sum_lanes<T>(sum) * static_cast<T>(call_.scale);
    }
    for (int v = 0; v < 2; ++v) {
      shift_[v] = hn::LoadU(Tag<T>(), shift + v * lanes<T>);
      delta_[v] = hn::LoadU(Tag<T>(), delta + v * lanes<T>);
    }
    transpose(queries_, columns, query_rows_, width_, columns, width_,
              static_cast<T>(call_.scale * std::numbers::log2e));
    transpose(douts_, columns, dout_rows_, value_width_, columns, value_width_, static_cast<T>(call_.scale));
    std::fill_n(dqueries_, columns * width_, T(0));
    const std::int64_t seen = call_.causal ? visible_.up_to(first + count - 1) : visible_.count;
    const bool narrow = count <= lanes<T>;
    if (seen <= block_keys) {
      narrow ? block<1, true>(first, count, seen) : block<2, true>(first, count, seen);
    } else {
      narrow ? block<1, false>(first, count, seen) : block<2, false>(first, count, seen);
    }
    transpose(query_rows_, width_, dqueries_, columns, width_, columns, T(1));
    for (std::int64_t i = 0; i < count; ++i)
      write_row(dq + i * dq_stride, query_rows_ + i * width_, call_.dim);
  }

  void write_keys(T* dk, std::int64_t dk_stride, T* dv, std::int64_t dv_stride) const {
    std::int64_t next = 0;
    for (std::int64_t i = 0; i < call_.keys; ++i) {
      if (next < visible_.count && visible_.at(next) == i) {
        write_row(dk + i * dk_stride, dkeys_ + next * width_, call_.dim);
        write_row(dv + i * dv_stride, dvalues_ + next * value_width_, call_.value_dim);
        ++next;
      } else {
        std::fill_n(dk + i * dk_stride, call_.dim, T(0));
        std::fill_n(dv + i * dv_stride, call_.value_dim, T(0));
      }
    }
  }

 private:
  static constexpr std::int64_t columns = block_queries<T>;

  // `whole`: all `seen` keys are one block of them.
  template <int vectors, bool whole>
  void block(std::int64_t first, std::int64_t count, std::int64_t seen) {
    const std::int64_t seen_by_all = call_.causal ? visible_.up_to(first) : seen;
    for (std::int64_t begin = 0; begin < seen; begin += block_keys) {
      const std::int64_t end = std::min(begin + block_keys, seen);
      Vec<T> weight[vectors], rest[vectors];  // sums over the keys of P and dS
      std::fill_n(weight, vectors, set<T>(0));
      std::fill_n(rest, vectors, set<T>(0));
      for (std::int64_t key = begin; key < end; key += tile_rows) {
        T* const weights = weights_ + (key - begin) * columns;
        Tile<T, tile_rows, vectors> tile;
        tile.clear();
        tile.multiply(keys_ + key * width_, width_, 1, queries_, columns, call_.dim);
        HWY_UNROLL(16)
        for (int r = 0; r < tile_rows; ++r) {
          HWY_UNROLL(2)
          for (int v = 0; v < vectors; ++v)
            tile.sums[r][v] = exp2_negative<T>(hn::Sub(tile.sums[r][v], shift_[v]));
        }
        if (key + tile_rows > seen_by_all) hide(tile, first, key, seen);
        tile.store(weights, columns);
        next_.fetch_some();
        tile.clear();
        tile.multiply(values_ + key * value_width_, value_width_, 1, douts_, columns, call_.value_dim);
        HWY_UNROLL(16)
        for (int r = 0; r < tile_rows; ++r) {
          HWY_UNROLL(2)
          for (int v = 0; v < vectors; ++v) {
            const Vec<T> p = hn::LoadU(Tag<T>(), weights + r * columns + v * lanes<T>);
            tile.sums[r][v] = hn::Mul(p, hn::Sub(tile.sums[r][v], delta_[v]));
            if constexpr (whole) {
              weight[v] = hn::Add(weight[v], p);
              rest[v] = hn::Add(rest[v], tile.sums[r][v]);
            }
          }
        }
        tile.store(dscores_ + (key - begin) * columns, columns);
        next_.fetch_some();
      }
      const std::int64_t rows = round_up(end - begin, tile_rows);
      if constexpr (whole) take_back<vectors>(rest, weight, rows);
      // add_products takes twice the rows of a tile.
      const std::int64_t more = round_up(rows, 2 * tile_rows) - rows;
      std::fill_n(weights_ + rows * columns, more * columns, T(0));
      std::fill_n(dscores_ + rows * columns, more * columns, T(0));
      add_products(dvalues_, value_width_, weights_, dout_rows_, begin, end, first, count);
      add_products(dkeys_, width_, dscores_, query_rows_, begin, end, first, count);
      for (std::int64_t i = 0; i < round_up(call_.dim, tile_rows); i += tile_rows) {
        Tile<T, tile_rows, vectors> sums;
        sums.load(dqueries_ + i * columns, columns);
        sums.multiply(keys_ + begin * width_ + i, 1, width_, dscores_, columns, end - begin);
        sums.store(dqueries_ + i * columns, columns);
      }
    }
  }

  // dS -= P rest / weight
  template <int vectors>
  HWY_INLINE void take_back(const Vec<T>* rest, const Vec<T>* weight, std::int64_t rows) {
    Vec<T> share[vectors];
    for (int v = 0; v < vectors; ++v)
      share[v] = hn::IfThenElseZero(hn::Gt(weight[v], set<T>(0)), hn::Div(rest[v], weight[v]));
    for (std::int64_t i = 0; i < rows; ++i) {
      HWY_UNROLL(2)
      for (int v = 0; v < vectors; ++v) {
        const std::int64_t at = i * columns + v * lanes<T>;
        const Vec<T> p = hn::LoadU(Tag<T>(), weights_ + at), ds = hn::LoadU(Tag<T>(), dscores_ + at);
        hn::StoreU(hn::NegMulAdd(p, share[v], ds), Tag<T>(), dscores_ + at);
      }
    }
  }

  // The weights of keys behind the query, or behind the last key, become 0.
  template <int vectors>
  HWY_INLINE void hide(Tile<T, tile_rows, vectors>& weights, std::int64_t first, std::int64_t key,
                       std::int64_t seen) const {
    HWY_UNROLL(16)
    for (int r = 0; r < tile_rows; ++r) {
      std::int64_t from =
          columns;  // the query, counted from the block's first, from which on the key is seen
      if (key + r < seen) from = call_.causal ? visible_.at(key + r) - first : 0;
      HWY_UNROLL(2)
      for (int v = 0; v < vectors; ++v) {
        const auto seen_by =
            hn::Ge(hn::Iota(Tag<T>(), static_cast<T>(v * lanes<T>)), set<T>(static_cast<T>(from)));
        weights.sums[r][v] = hn::IfThenElseZero(seen_by, weights.sums[r][v]);
      }
    }
  }

  // total[key] += sum over the block's queries of factors[key - begin][query] rows[query]
  HWY_INLINE void add_products(T* total, std::int64_t width, const T* factors, const T* rows,
                               std::int64_t begin, std::int64_t end, std::int64_t first, std::int64_t count) {
    std::int64_t i = 0;
    for (; i + 2 * lanes<T> <= width; i += 2 * lanes<T>) {
      add_products<tile_rows, 2>(total + i, width, factors, rows + i, begin, end, first, count);
    }
    if (i < width)
      add_products<2 * tile_rows, 1>(total + i, width, factors, rows + i, begin, end, first, count);
  }

  template <int keys, int vectors>
  HWY_INLINE void add_products(T* total, std::int64_t width, const T* factors, const T* rows,
                               std::int64_t begin, std::int64_t end, std::int64_t first, std::int64_t count) {
    for (std::int64_t key = begin; key < end; key += keys) {
      // Causal: no query before the first of these keys sees any of them.
      const std::int64_t from =
          call_.causal ? std::clamp<std::int64_t>(visible_.at(key) - first, 0, count) : 0;
      Tile<T, keys, vectors> sums;
      sums.load(total + key * width, width);
      sums.multiply(factors + (key - begin) * columns + from, columns, 1, rows + from * width, width,
                    count - from);
      sums.store(total + key * width, width);
    }
  }

  const Attention& call_;
  const std::int64_t width_, value_width_, padded_keys_;
  Buffer scratch_;
  T *const keys_, *const values_, *const dkeys_, *const dvalues_;  // (key, width)
  T *const query_rows_, *const dout_rows_;                         // (query, width)
  T *const queries_, *const douts_, *const dqueries_;              // (width, query), the first two scaled
  T *const weights_, *const dscores_;                              // (key of the block, query)
  VisibleKeys visible_{};
  HeadRows<T> next_;  // of the next head
  Vec<T> shift_[2], delta_[2];
};

template <typename T>
void run_backward(const AttentionBackward<T>& call, std::int64_t begin, std::int64_t end) {
  const Attention& a = call.attention;
  BackwardHead<T> head(a);
  for (std::int64_t which = begin; which < end; ++which) {
    const std::int64_t b = which / a.heads, h = which % a.heads;
    head.pack_keys(call.k.head(b, h), call.k.token_stride, call.v.head(b, h), call.v.token_stride,
                   {call.visible.count(b, a), call.visible.positions(b, a)}, call.rows(which + 1));
    for (std::int64_t i = 0; i < a.queries; i += block_queries<T>) {
      head.run(call.dq.head(b, h) + i * call.dq.token_stride, call.dq.token_stride,
               call.dout.head(b, h) + i * call.dout.token_stride, call.dout.token_stride,
               call.out.head(b, h) + i * call.out.token_stride, call.out.token_stride,
               call.lse + which * a.queries + i, call.q.head(b, h) + i * call.q.token_stride,
               call.q.token_stride, i, std::min(block_queries<T>, a.queries - i));
    }
    head.write_keys(call.dk.head(b, h), call.dk.token_stride, call.dv.head(b, h), call.dv.token_stride);
  }
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
