#pragma once

// Everything a program needs; nothing inside the library includes this.
#include "core/autograd.h"
#include "core/ops.h"
#include "core/tensor.h"
