#pragma once

#include "core/tensor.h"

namespace lockstep {

// Losses, in nats where they are logarithms. Real numbers are f32 or f64; a result is (), or with
// Reduction::none as said. Formulas: torch.nn.functional's of the same names (bce_with_logits:
// binary_cross_entropy_with_logits), but with classes in the last dimension.

// What becomes of one loss per element: their mean, their sum, or themselves.
enum class Reduction : std::uint8_t { mean, sum, none };

struct CrossEntropyOptions {
  Reduction reduction = Reduction::mean;  // the mean divides by the weights of the targets that count
  std::int64_t ignore_index = -100;       // rows with this target count nothing
  double label_smoothing = 0;             // this share of every target is spread evenly over the classes
  Tensor class_weights = {};              // (classes), no gradient; undefined: 1
};

// -log softmax(logits)[target]: logits (..., classes), target i64 (...). With Reduction::none: (...).
// A real target (..., classes) holds probabilities: -sum(target log softmax(logits)); the mean is that over
// rows, and ignore_index means nothing. Throws for a target outside 0 ... classes - 1 that is not ignored,
// class weights of another shape, label smoothing outside [0, 1], an ignored index beyond 2^53.
Tensor cross_entropy(const Tensor& logits, const Tensor& target, const CrossEntropyOptions& options = {});
// The same from log probabilities (..., classes) and an i64 target (...).
Tensor nll_loss(const Tensor& log_probabilities, const Tensor& target,
                const CrossEntropyOptions& options = {});

// Of two tensors of one shape, or of one and a single number; others throw. Reduction::none: x's shape.
Tensor mse_loss(const Tensor& x, const Tensor& y, Reduction reduction = Reduction::mean);  // (x - y)^2
Tensor l1_loss(const Tensor& x, const Tensor& y, Reduction reduction = Reduction::mean);   // |x - y|
// d = |x - y|:  d^2 / (2 beta) where d < beta, else d - beta / 2. Throws for a beta below 0.
Tensor smooth_l1_loss(const Tensor& x, const Tensor& y, Reduction reduction = Reduction::mean,
                      double beta = 1);
// delta smooth_l1_loss with beta = delta. Throws unless delta is above 0.
Tensor huber_loss(const Tensor& x, const Tensor& y, Reduction reduction = Reduction::mean, double delta = 1);
// -(y log p + (1 - y) log(1 - p)), p = sigmoid(x)
Tensor bce_with_logits(const Tensor& x, const Tensor& y, Reduction reduction = Reduction::mean);
// y (log y - x) for log probabilities x and probabilities y. For the mean over a batch, divide the sum.
Tensor kl_div(const Tensor& x, const Tensor& y, Reduction reduction = Reduction::mean);

}  // namespace lockstep
