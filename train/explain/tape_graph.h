#pragma once

#include <string>
#include <vector>

#include "core/parameter.h"
#include "nn/trace.h"

namespace lockstep::train {

// An op on the tape.
struct TapeOp {
  std::string op;                       // "matmul"
  Dims shape;                           // of its output
  std::vector<std::size_t> inputs;      // ops that stand before it in the list
  std::vector<std::string> parameters;  // that it reads
  std::vector<std::string> names;       // what nn::Trace calls its output
};

// What `loss` was computed by and backward() will walk, inputs before outputs. What needs no gradient
// (tokens, masks) is not on the tape.
std::vector<TapeOp> tape_graph(const Tensor& loss, const nn::Trace& trace, const ParameterList& parameters);

}  // namespace lockstep::train
