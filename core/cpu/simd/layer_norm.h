#pragma once

#include <cstdint>

// Normalisation of rows, f32 and f64. x, y and their gradients are (rows, width), contiguous; y may be x.
// Results do not depend on the number of threads.
namespace lockstep::cpu {

// y = (x - mean) rstd gain + bias, with mean and rstd = 1 / sqrt(variance + eps) of each row, (rows), kept
// for the backward. gain and bias, (width), may be null; without mean, in both directions, it counts as 0
// (RMS norm).
template <typename T>
void layer_norm_forward(T* y, T* mean, T* rstd, const T* x, const T* gain, const T* bias, std::int64_t rows,
                        std::int64_t width, double eps);

// dx is written, or added to; dgain and dbias are added to. Any of them may be null.
template <typename T>
void layer_norm_backward(T* dx, T* dgain, T* dbias, const T* dy, const T* x, const T* mean, const T* rstd,
                         const T* gain, std::int64_t rows, std::int64_t width, bool add_dx = false);

}  // namespace lockstep::cpu
