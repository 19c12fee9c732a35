#pragma once

#include <string_view>
#include <vector>

#include "core/tensor.h"

namespace lockstep {

// Sums of products by Einstein's convention: einsum("bij,bjk->bik", {a, b}). One letter names a dimension;
// those that the result does not name are summed. Without "->", the result has the letters that occur once,
// in alphabetical order (capitals first). A letter twice in one factor is its diagonal. Factors are
// contracted from left to right. Throws unless the equation has as many factors as given, a letter for each
// dimension, one size for each letter, and a result of letters that occur, each once. No "...".
Tensor einsum(std::string_view equation, const std::vector<Tensor>& factors);

}  // namespace lockstep
