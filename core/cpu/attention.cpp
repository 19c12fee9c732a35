// Attention on the vector kernels of core/cpu/simd, which take two leading dimensions.
#include "core/cpu/simd/attention.h"

#include <algorithm>

#include "core/cpu/cpu_kernels.h"
#include "core/cpu/strided.h"

namespace lockstep::cpu {

namespace {

// How the leading dimensions of (..., T, D) become calls of the kernels: the last two are their (batch,
// heads), or the last one is their batch if masks differ from head to head; one call for every index of those
// before.
class Calls {
 public:
  Calls(const Tensor& q, const Tensor& k, const Tensor& v, const AttentionScores& scores)
      : lead_(q.rank() - 2), mask_(scores.key_mask) {
    const bool one_mask = !mask_.defined() || lead_ == 0 || mask_.strides()[lead_ - 1] == 0;
    inner_ = std::min(lead_, one_mask ? 2 : 1);
    const auto size = [&](int from_last) { return inner_ > from_last ? q.size(lead_ - 1 - from_last) : 1; };
    attention_ = {.batch = inner_ == 1 ? size(0) : size(1),
                  .heads = inner_ == 1 ? 1 : size(0),
                  .queries = q.size(-2),
                  .keys = k.size(-2),
                  .dim = q.size(-1),
                  .value_dim = v.size(-1),
                  .scale = scores.scale,
                  .causal = scores.causal,
                  .causal_offset = scores.causal_offset};
    if (mask_.defined()) packed_mask_ = Buffer(static_cast<std::size_t>(attention_.batch * attention_.keys));
  }

  std::int64_t rows() const { return attention_.batch * attention_.heads * attention_.queries; }  // of lse

  template <typename T>
  AttentionView<T> view(const Tensor& x, std::int64_t offset) const {
    const auto stride = [&](int from_last) {
      return inner_ > from_last ? x.strides()[lead_ - 1 - from_last] : 0;
    };
    return {x.data<std::remove_const_t<T>>() + offset, inner_ == 1 ? stride(0) : stride(1),
            inner_ == 1 ? 0 : stride(0), x.strides()[lead_]};
  }

  // Calls body(number of the call, offsets of the tensors, the kernel's arguments).
  template <std::size_t N, typename Body>
  void for_each(const std::array<Tensor, N>& tensors, Body&& body) {
    std::array<Tensor, N + 1> outer;
    std::array<const Tensor*, N + 1> pointers;
    for (std::size_t i = 0; i <= N; ++i) {
      outer[i] = outer_of(i < N ? tensors[i] : mask_.defined() ? mask_ : tensors[0]);
      pointers[i] = &outer[i];
    }
    std::int64_t number = 0;
    Nest<N + 1>(outer[0].shape(), pointers)
        .for_each_run([&](std::int64_t n, const auto& offset, const auto& stride) {
          for (std::int64_t i = 0; i < n; ++i) {
            std::array<std::int64_t, N> at;
            for (std::size_t t = 0; t < N; ++t) at[t] = offset[t] + i * stride[t];
            pack_mask(offset[N] + i * stride[N]);
            body(number++, at, attention_);
          }
        });
  }

 private:
  Tensor outer_of(const Tensor& x) const {
    Dims shape = x.shape();
    for (int i = lead_ - inner_; i < x.rank(); ++i) shape[i] = 1;
    return x.view(shape, x.strides(), x.offset());
  }

  // (batch, keys) contiguous, as the kernels read it.
  void pack_mask(std::int64_t offset) {
    if (!mask_.defined()) return;
    auto* const packed = static_cast<std::uint8_t*>(packed_mask_.data());
    const AttentionView<const std::uint8_t> mask = view<const std::uint8_t>(mask_, offset);
    for (std::int64_t b = 0; b < attention_.batch; ++b) {
      for (std::int64_t i = 0; i < attention_.keys; ++i)
        packed[b * attention_.keys + i] = mask.head(b, 0)[i * mask_.strides().back()];
    }
    attention_.key_mask = packed;
  }

  int lead_, inner_ = 0;
  Tensor mask_;  // (..., 1, S)
  Attention attention_{};
  Buffer packed_mask_;
};

}  // namespace

void CpuKernels::attention(const Tensor& y, const Tensor& lse, const Tensor& q, const Tensor& k,
                           const Tensor& v, const AttentionScores& scores) const {
  Calls calls(q, k, v, scores);
  dispatch_real(q.dtype(), [&](auto t) {
    using T = decltype(t);
    calls.for_each<4>({q, k, v, y}, [&](std::int64_t number, const auto& at, const Attention& call) {
      attention_forward(calls.view<T>(y, at[3]), lse.data<T>() + number * calls.rows(),
                        calls.view<const T>(q, at[0]), calls.view<const T>(k, at[1]),
                        calls.view<const T>(v, at[2]), call);
    });
  });
}

void CpuKernels::attention_backward(const Tensor& dq, const Tensor& dk, const Tensor& dv, const Tensor& dy,
                                    const Tensor& y, const Tensor& lse, const Tensor& q, const Tensor& k,
                                    const Tensor& v, const AttentionScores& scores) const {
  Calls calls(q, k, v, scores);
  dispatch_real(q.dtype(), [&](auto t) {
    using T = decltype(t);
    calls.for_each<8>({q, k, v, y, dy, dq, dk, dv}, [&](std::int64_t number, const auto& at,
                                                        const Attention& call) {
      cpu::attention_backward(calls.view<T>(dq, at[5]), calls.view<T>(dk, at[6]), calls.view<T>(dv, at[7]),
                              calls.view<const T>(dy, at[4]), calls.view<const T>(y, at[3]),
                              lse.data<T>() + number * calls.rows(), calls.view<const T>(q, at[0]),
                              calls.view<const T>(k, at[1]), calls.view<const T>(v, at[2]), call);
    });
  });
}

}  // namespace lockstep::cpu
