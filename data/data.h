#pragma once

// Data sets and their batches, tasks, weight files.
#include "data/batch_order.h"
#include "data/dataset.h"
#include "data/hdf5.h"
#include "data/safetensors.h"
#include "data/task.h"
#include "data/weights.h"
