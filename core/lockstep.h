#pragma once

// Everything a program needs; nothing inside the library includes this.
#include "core/autograd.h"
#include "core/ops.h"
#include "core/parameter.h"
#include "core/random/random_tensors.h"
#include "core/tensor.h"
#include "data/data.h"
#include "nn/nn.h"
#include "optim/optim.h"
