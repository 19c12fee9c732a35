#pragma once

// Data sets and their batches, tasks, weight files. What cannot be read, does not fit or is damaged throws
// Error with the file, what was expected and what to do.
#include "data/files/hdf5.h"
#include "data/files/paths.h"
#include "data/files/safetensors.h"
#include "data/tasks/batch_order.h"
#include "data/tasks/dataset.h"
#include "data/tasks/task.h"
#include "data/weights/weights.h"
