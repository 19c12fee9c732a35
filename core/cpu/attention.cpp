// Attention, one query at a time: the scores of one row are all that is ever stored.
#include <algorithm>
#include <limits>
#include <vector>

#include "core/cpu/cpu_kernels.h"
#include "core/cpu/strided.h"

namespace lockstep::cpu {

namespace {

// The first element of every matrix, (..., 1, 1).
Tensor heads_of(const Tensor& x) {
  Dims shape = x.shape();
  shape[x.rank() - 1] = shape[x.rank() - 2] = 1;
  return x.view(shape, x.strides(), x.offset());
}

template <typename T>
struct Matrix {
  Matrix(const Tensor& x, std::int64_t offset)
      : data(x.data<T>() + offset), stride(x.strides()[x.rank() - 2]) {}
  T* row(std::int64_t i) const { return data + i * stride; }
  T* data;
  std::int64_t stride;
};

// The probabilities' exponents of one query: scale q k_j, -inf where masked.
template <typename T>
void row_scores(std::vector<T>& row, const T* q, const Matrix<T>& k, std::int64_t depth, std::int64_t count,
                const AttentionScores& scores, const std::uint8_t* mask, std::int64_t mask_stride) {
  for (std::int64_t j = 0; j < count; ++j) {
    if (mask && mask[j * mask_stride] == 0) {
      row[static_cast<std::size_t>(j)] = -std::numeric_limits<T>::infinity();
      continue;
    }
    T dot = 0;
    for (std::int64_t d = 0; d < depth; ++d) dot += q[d] * k.row(j)[d];
    row[static_cast<std::size_t>(j)] = dot * static_cast<T>(scores.scale);
  }
}

// Calls body(offsets of the five tensors, mask or null) for every matrix of the batch.
template <std::size_t N, typename Body>
void for_each_matrix(const std::array<Tensor, N>& tensors, const Tensor& key_mask, Body&& body) {
  std::array<Tensor, N + 1> heads;
  std::array<const Tensor*, N + 1> pointers;
  for (std::size_t i = 0; i < N; ++i) heads[i] = heads_of(tensors[i]);
  heads[N] = key_mask.defined() ? heads_of(key_mask) : heads[0];
  for (std::size_t i = 0; i <= N; ++i) pointers[i] = &heads[i];
  Nest<N + 1>(heads[0].shape(), pointers)
      .for_each_run([&](std::int64_t n, const auto& offset, const auto& stride) {
        for (std::int64_t i = 0; i < n; ++i) {
          std::array<std::int64_t, N> at;
          for (std::size_t k = 0; k < N; ++k) at[k] = offset[k] + i * stride[k];
          body(at, key_mask.defined() ? key_mask.data<std::uint8_t>() + offset[N] + i * stride[N] : nullptr);
        }
      });
}

std::int64_t mask_step(const AttentionScores& scores) {
  if (!scores.key_mask.defined() || scores.key_mask.shape().back() == 1) return 0;
  return scores.key_mask.strides().back();
}

Tensor as_column(const Tensor& x) {
  Dims shape = x.shape(), strides = x.strides();
  shape.push_back(1);
  strides.push_back(1);
  return x.view(shape, strides, x.offset());
}

}  // namespace

void CpuKernels::attention(const Tensor& y, const Tensor& lse, const Tensor& q, const Tensor& k,
                           const Tensor& v, const AttentionScores& scores) const {
  const std::int64_t queries = q.size(-2), keys = k.size(-2), depth = q.size(-1), width = v.size(-1);
  dispatch_real(q.dtype(), [&](auto t) {
    using T = decltype(t);
    std::vector<T> row(static_cast<std::size_t>(keys));
    for_each_matrix<5>(
        {q, k, v, y, as_column(lse)}, scores.key_mask, [&](const auto& at, const std::uint8_t* mask) {
          const Matrix<T> qs(q, at[0]), ks(k, at[1]), vs(v, at[2]), ys(y, at[3]);
          for (std::int64_t i = 0; i < queries; ++i) {
            const std::int64_t count = scores.causal ? std::min(i + 1, keys) : keys;
            row_scores(row, qs.row(i), ks, depth, count, scores, mask, mask_step(scores));
            const T largest = count == 0 ? T(0) : *std::max_element(row.begin(), row.begin() + count);
            T* const out = ys.row(i);
            std::fill_n(out, width, T(0));
            if (largest == -std::numeric_limits<T>::infinity()) {
              lse.data<T>()[at[4] + i] = largest;
              continue;
            }
            T sum = 0;
            for (std::int64_t j = 0; j < count; ++j) {
              const T p = std::exp(row[static_cast<std::size_t>(j)] - largest);
              sum += p;
              for (std::int64_t e = 0; e < width; ++e) out[e] += p * vs.row(j)[e];
            }
            for (std::int64_t e = 0; e < width; ++e) out[e] /= sum;
            lse.data<T>()[at[4] + i] = largest + std::log(sum);
          }
        });
  });
}

// p = exp(s - lse), ds = p (dy v^T - dy y):  dq = scale ds k, dk = scale ds^T q, dv = p^T dy
void CpuKernels::attention_backward(const Target& dq, const Target& dk, const Target& dv, const Tensor& dy,
                                    const Tensor& y, const Tensor& lse, const Tensor& q, const Tensor& k,
                                    const Tensor& v, const AttentionScores& scores) const {
  const std::int64_t queries = q.size(-2), keys = k.size(-2), depth = q.size(-1), width = v.size(-1);
  for (const Target* target : {&dq, &dk, &dv}) {
    if (target->wanted() && !target->accumulate) fill(target->buffer, 0);
  }
  const auto or_else = [](const Target& target, const Tensor& x) {
    return target.wanted() ? target.buffer : x;
  };
  const Tensor dqs = or_else(dq, q), dks = or_else(dk, k), dvs = or_else(dv, v);
  dispatch_real(q.dtype(), [&](auto t) {
    using T = decltype(t);
    std::vector<T> row(static_cast<std::size_t>(keys));
    for_each_matrix<9>({q, k, v, y, dy, dqs, dks, dvs, as_column(lse)}, scores.key_mask,
                       [&](const auto& at, const std::uint8_t* mask) {
                         const Matrix<T> qm(q, at[0]), km(k, at[1]), vm(v, at[2]), ym(y, at[3]),
                             dym(dy, at[4]), dqm(dqs, at[5]), dkm(dks, at[6]), dvm(dvs, at[7]);
                         for (std::int64_t i = 0; i < queries; ++i) {
                           const T log_sum = lse.data<T>()[at[8] + i];
                           if (log_sum == -std::numeric_limits<T>::infinity()) continue;
                           const std::int64_t count = scores.causal ? std::min(i + 1, keys) : keys;
                           row_scores(row, qm.row(i), km, depth, count, scores, mask, mask_step(scores));
                           T delta = 0;
                           for (std::int64_t e = 0; e < width; ++e) delta += dym.row(i)[e] * ym.row(i)[e];
                           for (std::int64_t j = 0; j < count; ++j) {
                             const T p = std::exp(row[static_cast<std::size_t>(j)] - log_sum);
                             T dp = 0;
                             for (std::int64_t e = 0; e < width; ++e) dp += dym.row(i)[e] * vm.row(j)[e];
                             const T ds = p * (dp - delta) * static_cast<T>(scores.scale);
                             if (dv.wanted())
                               for (std::int64_t e = 0; e < width; ++e) dvm.row(j)[e] += p * dym.row(i)[e];
                             if (dq.wanted())
                               for (std::int64_t d = 0; d < depth; ++d) dqm.row(i)[d] += ds * km.row(j)[d];
                             if (dk.wanted())
                               for (std::int64_t d = 0; d < depth; ++d) dkm.row(j)[d] += ds * qm.row(i)[d];
                           }
                         }
                       });
  });
}

}  // namespace lockstep::cpu
