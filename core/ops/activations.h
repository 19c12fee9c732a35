#pragma once

#include "core/kernels.h"

namespace lockstep {

class KeyedStream;  // core/random/keyed_stream.h

// exp(x) / sum(exp(x)) along dim
Tensor softmax(const Tensor& x, int dim);
// x - log(sum(exp(x))) along dim
Tensor log_softmax(const Tensor& x, int dim);

// x Phi(x), Phi the normal distribution function, or its approximation by tanh.
Tensor gelu(const Tensor& x, Gelu form = Gelu::exact);
Tensor silu(const Tensor& x);  // x sigmoid(x)
Tensor leaky_relu(const Tensor& x, double slope = 0.01);

// 0 with probability `rate`, else x / (1 - rate); element i is decided by number i of the stream. x itself at
// rate 0.
Tensor dropout(const Tensor& x, double rate, const KeyedStream& stream);

}  // namespace lockstep
