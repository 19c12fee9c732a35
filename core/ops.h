#pragma once

// Every op, by family. Each has its formula and its gradient beside it in core/ops/*.cpp.
#include "core/ops/activations.h"
#include "core/ops/attention.h"
#include "core/ops/comparisons.h"
#include "core/ops/conv.h"
#include "core/ops/elementwise.h"
#include "core/ops/embedding.h"
#include "core/ops/linear.h"
#include "core/ops/losses.h"
#include "core/ops/masks.h"
#include "core/ops/matmul.h"
#include "core/ops/normalization.h"
#include "core/ops/reduce.h"
#include "core/ops/views.h"
