#pragma once

#include <string>

#include "train/mpi/ranks.h"

namespace lockstep::train::mpi {

// lockstep-mpi: the command line on rank 0, and its runs on all ranks. Gives the exit code, the same on all
// of them. Ranks must agree in `version` and the bytes of their program.
int run_program(int argc, char** argv, const std::string& version, const MakeRuns& make_runs);

}  // namespace lockstep::train::mpi
