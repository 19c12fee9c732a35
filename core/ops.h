#pragma once

// Every op, by family. Each has its formula and its gradient beside it in core/ops/*.cpp.
#include "core/ops/elementwise.h"
#include "core/ops/matmul.h"
#include "core/ops/reduce.h"
#include "core/ops/views.h"
