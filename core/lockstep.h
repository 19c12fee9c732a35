#pragma once

// Everything a program needs; nothing inside the library includes this.
#include "core/autograd.h"
#include "core/checkpoint.h"
#include "core/from_blob.h"
#include "core/ops.h"
#include "core/parameter.h"
#include "core/print.h"
#include "core/random/keyed_stream.h"
#include "core/random/random_tensors.h"
#include "core/random/torch_stream.h"
#include "core/runtime/memory.h"
#include "core/runtime/parallel.h"
#include "core/runtime/tf32.h"
#include "core/tensor.h"
#include "data/data.h"
#include "nn/nn.h"
#include "optim/optim.h"
