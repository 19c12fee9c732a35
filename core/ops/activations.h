#pragma once

#include "core/kernels.h"

// Activations: of x's shape and type, x f32 or f64. Other errors than the common ones (core/ops.h) are named.
namespace lockstep {

class KeyedStream;  // core/random/keyed_stream.h

// exp(x) / sum(exp(x)) along dim
Tensor softmax(const Tensor& x, int dim);
// The same, but 0 everywhere in a row of nothing but -inf: what attention gives to a query without a key.
Tensor masked_softmax(const Tensor& x, int dim);
// x - log(sum(exp(x))) along dim
Tensor log_softmax(const Tensor& x, int dim);

// x Phi(x), Phi the normal distribution function, or its approximation by tanh (core/formulas.h).
Tensor gelu(const Tensor& x, Gelu form = Gelu::exact);
Tensor silu(const Tensor& x);  // x sigmoid(x)
Tensor leaky_relu(const Tensor& x, double slope = 0.01);
// x where x > 0, else slope x; the slope broadcasts with x. He et al. 2015, arXiv:1502.01852.
Tensor prelu(const Tensor& x, const Tensor& slope);
// x where x > 0, else alpha (exp(x) - 1). Clevert et al. 2016, arXiv:1511.07289.
Tensor elu(const Tensor& x, double alpha = 1);
// x where x > 0, else alpha (exp(x / alpha) - 1). Barron 2017, arXiv:1704.07483.
Tensor celu(const Tensor& x, double alpha = 1);
// scale elu(x, alpha) with the fixed point of Klambauer et al. 2017 (arXiv:1706.02515)
Tensor selu(const Tensor& x);

// 0 with probability `rate`, else x / (1 - rate); element i is decided by number i of the stream. x itself at
// rate 0. Throws for a rate outside [0, 1].
Tensor dropout(const Tensor& x, double rate, const KeyedStream& stream);

}  // namespace lockstep
