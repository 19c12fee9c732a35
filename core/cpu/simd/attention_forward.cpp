// Attention, forward.
#include <algorithm>
#include <limits>
#include <numbers>

#include "core/cpu/simd/attention.h"
#include "core/cpu/simd/attention_heads.h"
#include "core/cpu/simd/dispatch.h"
#include "core/runtime/memory.h"
#include "core/runtime/parallel.h"

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
                                          columns * (2 * width_ + value_width_ + block_keys)) *
                 sizeof(T)),
        keys_(static_cast<T*>(scratch_.data())),
        values_(keys_ + padded_keys_ * width_),
        query_rows_(values_ + padded_keys_ * value_width_),
        queries_(query_rows_ + columns * width_),
        sums_(queries_ + columns * width_),
        weights_(sums_ + columns * value_width_) {}

  void pack_keys(const T* k, std::int64_t k_stride, const T* v, std::int64_t v_stride,
                 const VisibleKeys& visible, const HeadRows<T>& next) {
    visible_ = visible;
    next_ = next;
    pack_rows(keys_, width_, k, k_stride, call_.dim, visible);
    pack_rows(values_, value_width_, v, v_stride, call_.value_dim, visible);
    std::fill(keys_ + visible.count * width_, keys_ + round_up(visible.count, tile_rows) * width_, T(0));
  }

  // `count` queries from q, the first of which is query number `first`, to rows of out and to lse.
  void run(T* out, std::int64_t out_stride, T* lse, const T* q, std::int64_t q_stride, std::int64_t first,
           std::int64_t count) {
    first_ = first + call_.causal_offset, count_ = count;
    copy_rows(query_rows_, width_, q, q_stride, count, call_.dim, width_);
    std::fill(query_rows_ + count * width_, query_rows_ + columns * width_, T(0));
    // Scores come out in powers of 2.
    const T factor = static_cast<T>(call_.scale * std::numbers::log2e);
    transpose(queries_, columns, query_rows_, width_, columns, width_, factor);
    if (count > lanes<T>) {
      all_keys<2>();
    } else {
      all_keys<1>();
    }
    finish(out, out_stride, lse);
  }

 private:
  static constexpr std::int64_t columns = padded_queries<T>;

  // Of the block's queries, `vectors` vectors.
  template <int vectors>
  void all_keys() {
    const std::int64_t seen = call_.causal ? visible_.up_to(first_ + count_ - 1) : visible_.count;
    for (int v = 0; v < 2; ++v) max_[v] = set<T>(-std::numeric_limits<T>::infinity()), total_[v] = set<T>(0);
    if (seen == 0) std::fill_n(sums_, columns * value_width_, T(0));
    for (std::int64_t begin = 0; begin < seen; begin += block_keys) {
      const std::int64_t end = std::min(begin + block_keys, seen);
      Vec<T> largest[2] = {max_[0], max_[1]};
      for (std::int64_t key = begin; key < end; key += tile_rows) {
        T* const to = weights_ + (key - begin) * columns;
        late(key) ? scores<vectors - 1, vectors>(to, key, seen, largest)
                  : scores<0, vectors>(to, key, seen, largest);
        next_.fetch(8);
      }
      HWY_ALIGN T shrink[columns];
      Vec<T> shift[vectors];
      for (int v = 0; v < vectors; ++v) {
        // Where nothing is visible yet, all scores are -inf: shift by 0, so that their weights become 0, not
        // NaN.
        const Vec<T> nothing = set<T>(-std::numeric_limits<T>::infinity());
        shift[v] = hn::IfThenZeroElse(hn::Eq(largest[v], nothing), largest[v]);
        const Vec<T> factor = exp2_negative<T>(hn::Sub(max_[v], shift[v]));
        hn::Store(factor, Tag<T>(), shrink + v * lanes<T>);
        max_[v] = largest[v];
        total_[v] = hn::Mul(total_[v], factor);
      }
      for (std::int64_t key = begin; key < end; key += tile_rows) {
        T* const tile = weights_ + (key - begin) * columns;
        late(key) ? exponentials<vectors - 1, vectors>(tile, shift) : exponentials<0, vectors>(tile, shift);
      }
      for_tiles<T>(round_up(count_, tile_rows), value_width_,
                   [&]<int rows, int wide>(std::int64_t i, std::int64_t j) HWY_ATTR {
                     const std::int64_t last =
                         call_.causal ? std::min(end, visible_.up_to(first_ + i + rows - 1)) : end;
                     T* const at = sums_ + i * value_width_ + j;
                     Tile<T, rows, wide> sums;
                     sums.clear();
                     if (begin > 0) {
                       sums.load(at, value_width_);
                       sums.scale(shrink + i);
                     }
                     sums.multiply(weights_ + i, 1, columns, values_ + begin * value_width_ + j, value_width_,
                                   last - begin);
                     sums.store(at, value_width_);
                   });
    }
  }

  // Whether no query of the first vector sees a key from `key` on.
  HWY_INLINE bool late(std::int64_t key) const {
    return call_.causal && visible_.at(key) - first_ >= lanes<T>;
  }

  // A tile of scores, of the vectors from `from` on.
  template <int from, int vectors>
  HWY_INLINE void scores(T* to, std::int64_t key, std::int64_t seen, Vec<T>* largest) const {
    Tile<T, tile_rows, vectors - from> tile;
    tile.clear();
    tile.multiply(keys_ + key * width_, width_, 1, queries_ + from * lanes<T>, columns, call_.dim);
    if (key + tile_rows > seen || (call_.causal && visible_.at(key + tile_rows - 1) > first_))
      hide<from>(tile, visible_, call_.causal, first_, key, seen, -std::numeric_limits<T>::infinity());
    HWY_UNROLL(16)
    for (int r = 0; r < tile_rows; ++r) {
      HWY_UNROLL(2)
      for (int v = from; v < vectors; ++v) largest[v] = hn::Max(tile.sums[r][v - from], largest[v]);
    }
    tile.store(to + from * lanes<T>, columns);
  }

  // A tile of scores to weights; those before `from` are 0.
  template <int from, int vectors>
  HWY_INLINE void exponentials(T* tile, const Vec<T>* shift) {
    for (int r = 0; r < tile_rows; ++r, tile += columns) {
      if constexpr (from > 0) hn::Store(hn::Zero(Tag<T>()), Tag<T>(), tile);
      HWY_UNROLL(2)
      for (int v = from; v < vectors; ++v) {
        T* const at = tile + v * lanes<T>;
        const Vec<T> weight = exp2_negative<T>(hn::Sub(hn::Load(Tag<T>(), at), shift[v]));
        total_[v] = hn::Add(total_[v], weight);
        hn::Store(weight, Tag<T>(), at);
      }
    }
  }

  // out = sums / total
  void finish(T* out, std::int64_t out_stride, T* lse) {
    HWY_ALIGN T row[columns];
    HWY_ALIGN T factor[columns];
    for (int v = 0; v < 2; ++v) {
      const Vec<T> empty = hn::Zero(Tag<T>());
      hn::Store(hn::IfThenZeroElse(hn::Eq(total_[v], empty), hn::Div(set<T>(1), total_[v])), Tag<T>(),
                factor + v * lanes<T>);
      hn::Store(hn::MulAdd(max_[v], set<T>(std::numbers::ln2_v<T>), log<T>(total_[v])), Tag<T>(),
                row + v * lanes<T>);
    }
    if (lse != nullptr) std::copy_n(row, count_, lse);
    for (std::int64_t i = 0; i < count_; ++i) {
      const T* const from = sums_ + i * value_width_;
      T* const to = out + i * out_stride;
      for_vectors<T>(call_.value_dim, [&](std::int64_t j, auto part) HWY_ATTR {
        part.store(hn::Mul(part.load(from + j), set<T>(factor[i])), to + j);
      });
    }
  }

  const Attention& call_;
  const std::int64_t width_, value_width_, padded_keys_;
  Buffer scratch_;
  T *const keys_, *const values_;         // (key, width)
  T *const query_rows_, *const queries_;  // (query, width) and its transpose
  T* const sums_;                         // (query, value width)
  T* const weights_;                      // (key of the block, query): scores, then their exponentials
  VisibleKeys visible_{};
  HeadRows<T> next_;                    // of the next head
  std::int64_t first_ = 0, count_ = 0;  // the last key that the block's first query sees, if causal; queries
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
