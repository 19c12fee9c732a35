#pragma once

// Every op, by family. Each has its formula and its gradient beside it in core/ops/*.cpp, its shapes and
// PyTorch's name for it, by whose documentation it goes, in core/ops/index.md.
//
// Common to all: an op throws Error for an undefined tensor, element types or devices that differ, an element
// type that it does not take (i64 and u8 where it needs real numbers), shapes other than its comment says,
// and a dimension that is out of range or named twice. `dim` and `dims` count from the end where negative.
#include "core/ops/activations.h"
#include "core/ops/attention.h"
#include "core/ops/comparisons.h"
#include "core/ops/conv.h"
#include "core/ops/einsum.h"
#include "core/ops/elementwise.h"
#include "core/ops/embedding.h"
#include "core/ops/in_place.h"
#include "core/ops/linear.h"
#include "core/ops/losses.h"
#include "core/ops/masks.h"
#include "core/ops/matmul.h"
#include "core/ops/normalization.h"
#include "core/ops/order.h"
#include "core/ops/reduce.h"
#include "core/ops/rope.h"
#include "core/ops/views.h"
