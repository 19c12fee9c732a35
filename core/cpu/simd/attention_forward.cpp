// Attention, forward.
#include <algorithm>
#include <limits>
#include <numbers>

#include "core/cpu/simd/attention.h"
#include "core/cpu/simd/attention_heads.h"
#include "core/cpu/simd/dispatch.h"
#include "core/memory.h"
#include "core/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/cpu/simd/attention_forward.cpp"
#include <hwy/foreach_target.h>

#include "core/cpu/simd/attention_tile-inl.h"

#ifndef LOCKSTEP_ATTENTION_FORWARD_TABLE  // once, not for every target
#define LOCKSTEP_ATTENTION_FORWARD_TABLE
namespace lockstep::cpu {
template <typename T>
struct AttentionForwardTable {
  // Items [begin, end) of (head, piece of its queries).
  void (*run)(const AttentionForward<T>& call, std::int64_t begin, std::int64_t end);
};
}  // namespace lockstep::cpu
#endif

HWY_BEFORE_NAMESPACE();
namespace lockstep::cpu::HWY_NAMESPACE {
namespace {

// One head's attention, a block of queries at a time.
template <typename T>
class ForwardHead {
 public:
  explicit ForwardHead(const Attention& call)
      : call_(call),
        width_(packed_width<T>(call.dim)),
        value_width_(packed_width<T>(call.value_dim)),
        padded_keys_(round_up(call.keys, tile_rows)),
        scratch_(static_cast<std::size_t>(padded_keys_ * (width_ + value_width_) +
                                          columns * (2 * width_ + 2 * value_width_ + block_keys)) *
                 sizeof(T)),
        keys_(static_cast<T*>(scratch_.data())),
        values_(keys_ + padded_keys_ * width_),
        query_rows_(values_ + padded_keys_ * value_width_),
        queries_(query_rows_ + columns * width_),
        sums_(queries_ + columns * width_),
        out_rows_(sums_ + columns * value_width_),
        weights_(out_rows_ + columns * value_width_) {}

  void pack_keys(const T* k, std::int64_t k_stride, const T* v, std::int64_t v_stride,
                 const VisibleKeys& visible, const HeadRows<T>& next) {
    visible_ = visible;
    next_ = next;
    for (std::int64_t i = 0; i < visible.count; ++i) {
      copy_row(keys_ + i * width_, k + visible.at(i) * k_stride, call_.dim, width_);
      copy_row(values_ + i * value_width_, v + visible.at(i) * v_stride, call_.value_dim, value_width_);
    }
    std::fill(keys_ + visible.count * width_, keys_ + round_up(visible.count, tile_rows) * width_, T(0));
  }

  // `count` queries from q, the first of which is query number `first`, to rows of out and to lse.
  void run(T* out, std::int64_t out_stride, T* lse, const T* q, std::int64_t q_stride, std::int64_t first,
           std::int64_t count) {
    for (std::int64_t i = 0; i < columns; ++i) {
      if (i < count) {
        copy_row(query_rows_ + i * width_, q + i * q_stride, call_.dim, width_);
      } else {
        std::fill_n(query_rows_ + i * width_, width_, T(0));
      }
    }
    // Scores come out in powers of 2.
    const T factor = static_cast<T>(call_.scale * std::numbers::log2e);
    transpose(queries_, columns, query_rows_, width_, columns, width_, factor);
    if (count > lanes<T>) {
      block<2>(first, count);
    } else {
      block<1>(first, count);
    }
    finish(out, out_stride, lse, count);
  }

 private:
  static constexpr std::int64_t columns = block_queries<T>;

  template <int vectors>
  void block(std::int64_t first, std::int64_t count) {
    const std::int64_t seen = call_.causal ? visible_.up_to(first + count - 1) : visible_.count;
    const std::int64_t seen_by_all = call_.causal ? visible_.up_to(first) : seen;
    for (int v = 0; v < 2; ++v) max_[v] = set<T>(-std::numeric_limits<T>::infinity()), total_[v] = set<T>(0);
    if (seen == 0) std::fill_n(sums_, columns * value_width_, T(0));
    for (std::int64_t begin = 0; begin < seen; begin += block_keys) {
      const std::int64_t end = std::min(begin + block_keys, seen);
      Vec<T> largest[vectors];
      for (int v = 0; v < vectors; ++v) largest[v] = max_[v];
      for (std::int64_t key = begin; key < end; key += tile_rows) {
        Tile<T, tile_rows, vectors> scores;
        scores.clear();
        scores.multiply(keys_ + key * width_, width_, 1, queries_, columns, call_.dim);
        if (key + tile_rows > seen_by_all) hide(scores, first, key, seen);
        HWY_UNROLL(16)
        for (int r = 0; r < tile_rows; ++r) {
          HWY_UNROLL(2)
          for (int v = 0; v < vectors; ++v) largest[v] = hn::Max(scores.sums[r][v], largest[v]);
        }
        scores.store(weights_ + (key - begin) * columns, columns);
        next_.fetch_some();
      }
      Vec<T> shrink[vectors], shift[vectors];
      for (int v = 0; v < vectors; ++v) {
        // Where nothing is visible yet, all scores are -inf: shift by 0, so that their weights become 0, not
        // NaN.
        const Vec<T> nothing = set<T>(-std::numeric_limits<T>::infinity());
        shift[v] = hn::IfThenZeroElse(hn::Eq(largest[v], nothing), largest[v]);
        shrink[v] = exp2_negative<T>(hn::Sub(max_[v], shift[v]));
        max_[v] = largest[v];
        total_[v] = hn::Mul(total_[v], shrink[v]);
      }
      for (std::int64_t i = 0; i < end - begin; ++i) {
        HWY_UNROLL(2)
        for (int v = 0; v < vectors; ++v) {
          T* const at = weights_ + i * columns + v * lanes<T>;
          const Vec<T> w = exp2_negative<T>(hn::Sub(hn::LoadU(Tag<T>(), at), shift[v]));
          total_[v] = hn::Add(total_[v], w);
          hn::StoreU(w, Tag<T>(), at);
        }
      }
      for (std::int64_t i = 0; i < round_up(call_.value_dim, tile_rows); i += tile_rows) {
        Tile<T, tile_rows, vectors> sums;
        if (begin == 0) {
          sums.clear();
        } else {
          sums.load(sums_ + i * columns, columns);
          HWY_UNROLL(16)
          for (int r = 0; r < tile_rows; ++r) {
            HWY_UNROLL(2)
            for (int v = 0; v < vectors; ++v) sums.sums[r][v] = hn::Mul(sums.sums[r][v], shrink[v]);
          }
        }
        sums.multiply(values_ + begin * value_width_ + i, 1, value_width_, weights_, columns, end - begin);
        sums.store(sums_ + i * columns, columns);
      }
    }
  }

  // Scores of keys behind the query, or behind the last key, become -inf.
  template <int vectors>
  HWY_INLINE void hide(Tile<T, tile_rows, vectors>& scores, std::int64_t first, std::int64_t key,
                       std::int64_t seen) const {
    const Vec<T> nothing = set<T>(-std::numeric_limits<T>::infinity());
    HWY_UNROLL(16)
    for (int r = 0; r < tile_rows; ++r) {
      // The query, counted from the block's first, from which on the key is seen.
      std::int64_t from = columns;
      if (key + r < seen) from = call_.causal ? visible_.at(key + r) - first : 0;
      HWY_UNROLL(2)
      for (int v = 0; v < vectors; ++v) {
        const auto seen_by =
            hn::Ge(hn::Iota(Tag<T>(), static_cast<T>(v * lanes<T>)), set<T>(static_cast<T>(from)));
        scores.sums[r][v] = hn::IfThenElse(seen_by, scores.sums[r][v], nothing);
      }
    }
  }

  void finish(T* out, std::int64_t out_stride, T* lse, std::int64_t count) {
    HWY_ALIGN T row[2 * lanes<T>];
    Vec<T> factor[2];
    for (int v = 0; v < 2; ++v) {
      const Vec<T> empty = hn::Zero(Tag<T>());
      factor[v] = hn::IfThenZeroElse(hn::Eq(total_[v], empty), hn::Div(set<T>(1), total_[v]));
      const Vec<T> natural = hn::MulAdd(max_[v], set<T>(std::numbers::ln2_v<T>), log<T>(total_[v]));
      hn::StoreU(natural, Tag<T>(), row + v * lanes<T>);
    }
    if (lse != nullptr) std::copy_n(row, count, lse);
    for (std::int64_t i = 0; i < call_.value_dim; ++i) {
      for (int v = 0; v < 2; ++v) {
        T* const at = sums_ + i * columns + v * lanes<T>;
        hn::StoreU(hn::Mul(hn::LoadU(Tag<T>(), at), factor[v]), Tag<T>(), at);
      }
    }
    transpose(out_rows_, value_width_, sums_, columns, value_width_, columns, T(1));
    for (std::int64_t i = 0; i < count; ++i)
      write_row(out + i * out_stride, out_rows_ + i * value_width_, call_.value_dim);
  }

  const Attention& call_;
  const std::int64_t width_, value_width_, padded_keys_;
  Buffer scratch_;
  T *const keys_, *const values_;         // (key, width)
  T *const query_rows_, *const queries_;  // (query, width) and its transpose
  T *const sums_, *const out_rows_;       // (value width, query) and its transpose
  T* const weights_;                      // (key of the block, query): scores, then their exponentials
  VisibleKeys visible_{};
  HeadRows<T> next_;  // of the next head
  Vec<T> max_[2], total_[2];
};

template <typename T>
void run_forward(const AttentionForward<T>& call, std::int64_t begin, std::int64_t end) {
  const Attention& a = call.attention;
  ForwardHead<T> head(a);
  std::int64_t packed = -1;
  for (std::int64_t item = begin; item < end; ++item) {
    const std::int64_t which = item / call.pieces, piece = balanced(item % call.pieces, call.pieces);
    const std::int64_t b = which / a.heads, h = which % a.heads;
    if (which != packed) {
      head.pack_keys(call.k.head(b, h), call.k.token_stride, call.v.head(b, h), call.v.token_stride,
                     {call.visible.count(b, a), call.visible.positions(b, a)}, call.rows(which + 1));
      packed = which;
    }
    const std::int64_t last = std::min((piece + 1) * call.piece_queries, a.queries);
    for (std::int64_t i = piece * call.piece_queries; i < last; i += block_queries<T>) {
      head.run(call.out.head(b, h) + i * call.out.token_stride, call.out.token_stride,
               call.lse != nullptr ? call.lse + which * a.queries + i : nullptr,
               call.q.head(b, h) + i * call.q.token_stride, call.q.token_stride, i,
               std::min(block_queries<T>, last - i));
    }
  }
}

const Tables<AttentionForwardTable>& attention_forward_tables() {
  static constexpr Tables<AttentionForwardTable> tables = {{run_forward<float>}, {run_forward<double>}};
  return tables;
}

}  // namespace
}  // namespace lockstep::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lockstep::cpu {

HWY_EXPORT(attention_forward_tables);

template <typename T>
void attention_forward(AttentionView<T> out, T* lse, AttentionView<const T> q, AttentionView<const T> k,
                       AttentionView<const T> v, const Attention& call) {
  const VisiblePositions visible(call);
  const std::int64_t pieces = (call.queries + query_piece - 1) / query_piece;
  const AttentionForward<T> work{out, lse, q, k, v, call, visible, pieces, query_piece};
  const auto kernel = is_short(call) ? short_attention_forward<T>
                                     : HWY_DYNAMIC_DISPATCH(attention_forward_tables)().get<T>().run;
  parallel_for(call.batch * call.heads * pieces,
               head_grain(call, call.queries / std::max<std::int64_t>(pieces, 1)),
               [&](std::int64_t begin, std::int64_t end) { kernel(work, begin, end); });
}

template void attention_forward(AttentionView<float>, float*, AttentionView<const float>,
                                AttentionView<const float>, AttentionView<const float>, const Attention&);
template void attention_forward(AttentionView<double>, double*, AttentionView<const double>,
                                AttentionView<const double>, AttentionView<const double>, const Attention&);

}  // namespace lockstep::cpu
#endif
