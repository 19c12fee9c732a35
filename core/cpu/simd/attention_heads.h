#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "core/cpu/simd/attention.h"
#include "core/runtime/memory.h"

// How a call of attention is cut into work for threads.
namespace lockstep::cpu {

// A head's queries are dealt out in pieces of this many; a multiple of every target's block.
inline constexpr std::int64_t query_piece = 256;

// Pieces in the order 0, n - 1, 1, n - 2, ...: under a causal mask the late ones are the long ones, and
// neighbours then make equal work.
inline std::int64_t balanced(std::int64_t i, std::int64_t n) { return i % 2 == 0 ? i / 2 : n - 1 - i / 2; }

// How many heads' worth of `queries` queries a thread should get at least: some 10 microseconds of work.
inline std::int64_t head_grain(const Attention& call, std::int64_t queries) {
  const std::int64_t work = std::max<std::int64_t>(1, queries * call.keys * (call.dim + call.value_dim));
  return std::max<std::int64_t>(1, 500'000 / work);
}

// The first rows of what a head reads and writes, fetched into the second cache a few at a time while the
// head before is computed: one head's rows do not follow each other in memory, so the processor does not
// foresee them, and all at once they would stop it.
template <typename T>
class HeadRows {
 public:
  HeadRows() = default;
  // Of head `which` of all batch rows; none if there is no such head.
  HeadRows(const Attention& a, std::int64_t which)
      : batch_(which / std::max<std::int64_t>(a.heads, 1)), head_(which - batch_ * a.heads) {
    if (which >= a.batch * a.heads) return;
    dim_ = std::max<std::int64_t>({a.dim, a.value_dim, 1});
    left_ = std::min({a.queries, a.keys, 8192 / dim_});
  }

  template <typename U>
  void add(const AttentionView<U>& x) {
    if (left_ > 0) views_[count_++] = {x.head(batch_, head_), x.token_stride};
  }

  // `rows` of them: as many as let a head's tiles fetch all of the next head's.
  void fetch(int rows) {
    constexpr std::int64_t line = 64 / static_cast<std::int64_t>(sizeof(T));
    for (; rows > 0 && left_ > 0; --rows, --left_) {
      for (std::size_t v = 0; v < count_; ++v) {
        for (std::int64_t j = 0; j < dim_; j += line) __builtin_prefetch(views_[v].row + j, 0, 2);
        views_[v].row += views_[v].stride;
      }
    }
  }

 private:
  struct View {
    const T* row;
    std::int64_t stride;
  };
  std::array<View, 8> views_{};
  std::size_t count_ = 0;
  std::int64_t batch_ = 0, head_ = 0, left_ = 0, dim_ = 0;
};

// For each batch row, the keys that the mask leaves.
class VisiblePositions {
 public:
  explicit VisiblePositions(const Attention& call) {
    if (call.key_mask == nullptr) return;
    data_ = Buffer(static_cast<std::size_t>(call.batch * (call.keys + 1)) * sizeof(std::int32_t));
    for (std::int64_t b = 0; b < call.batch; ++b) {
      std::int32_t* const row = begin(b, call);
      std::int32_t n = 0;
      for (std::int64_t i = 0; i < call.keys; ++i) {
        if (call.key_mask[b * call.keys + i] != 0) row[++n] = static_cast<std::int32_t>(i);
      }
      row[0] = n;
    }
  }

  // Null without a mask: all of them.
  const std::int32_t* positions(std::int64_t batch, const Attention& call) const {
    return call.key_mask == nullptr ? nullptr : begin(batch, call) + 1;
  }
  std::int64_t count(std::int64_t batch, const Attention& call) const {
    return call.key_mask == nullptr ? call.keys : *begin(batch, call);
  }

 private:
  std::int32_t* begin(std::int64_t batch, const Attention& call) const {
    return static_cast<std::int32_t*>(data_.data()) + batch * (call.keys + 1);
  }

  Buffer data_;
};

template <typename T>
struct AttentionForward {
  AttentionView<T> out;
  T* lse;
  AttentionView<const T> q, k, v;
  const Attention& attention;
  const VisiblePositions& visible;
  std::int64_t pieces, piece_queries;

  HeadRows<T> rows(std::int64_t which) const {
    HeadRows<T> rows(attention, which);
    for (const auto* x : {&q, &k, &v}) rows.add(*x);
    rows.add(out);
    return rows;
  }
};

template <typename T>
struct AttentionBackward {
  AttentionView<T> dq, dk, dv;
  AttentionView<const T> dout, out;
  const T* lse;
  AttentionView<const T> q, k, v;
  const Attention& attention;
  const VisiblePositions& visible;

  HeadRows<T> rows(std::int64_t which) const {
    HeadRows<T> rows(attention, which);
    for (const auto* x : {&q, &k, &v, &dout, &out}) rows.add(*x);
    for (const auto* x : {&dq, &dk, &dv}) rows.add(*x);
    return rows;
  }
};

// With at most so many queries and keys, none of them masked and every query with a key, heads [begin, end)
// of all batch rows go this way.
inline constexpr std::int64_t short_tokens = 8;
inline bool is_short(const Attention& call) {
  return call.queries <= short_tokens && call.keys >= 1 && call.keys <= short_tokens &&
         call.key_mask == nullptr && (!call.causal || call.causal_offset >= 0);
}
template <typename T>
void short_attention_forward(const AttentionForward<T>& call, std::int64_t begin, std::int64_t end);
template <typename T>
void short_attention_backward(const AttentionBackward<T>& call, std::int64_t begin, std::int64_t end);

}  // namespace lockstep::cpu
