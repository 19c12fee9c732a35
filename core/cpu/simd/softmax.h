#pragma once

#include <cstdint>

// Softmax and cross entropy of contiguous rows, (rows, width), f32 and f64.
namespace lockstep::cpu {

// What the targets of a cross entropy mean: rows whose target is ignore_index count for nothing;
// label_smoothing s mixes the one-hot target with the uniform distribution, (1 - s) onehot + s / width.
struct CrossEntropy {
  std::int64_t ignore_index = -100;
  double label_smoothing = 0;
};

// lse = log(sum(exp(logits))) of each row, kept for the backward; losses = -sum(target log(softmax(logits))).
// Both (rows), and 0 for an ignored row, whose logits are not read. Targets must be below width or the
// ignored one.
template <typename T>
void cross_entropy_forward(T* losses, T* lse, const T* logits, const std::int64_t* targets, std::int64_t rows,
                           std::int64_t width, const CrossEntropy& options = {});

// dlogits = (softmax(logits) - target) scale[row * scale_stride]; 0 in ignored rows. A stride of 0 takes one
// scale for all, as a mean has. dlogits may be logits.
template <typename T>
void cross_entropy_backward(T* dlogits, const T* scale, std::int64_t scale_stride, const T* logits,
                            const T* lse, const std::int64_t* targets, std::int64_t rows, std::int64_t width,
                            const CrossEntropy& options = {});

}  // namespace lockstep::cpu
