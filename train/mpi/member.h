#pragma once

#include <string>

#include "train/mpi/ranks.h"

namespace lockstep::train::mpi {

// What a rank other than 0 does: makes the runs that rank 0 asks for, until that says to exit. Gives the exit
// code. Says nothing itself: what goes wrong goes to rank 0.
int take_part(Messenger& messenger, const std::string& program, const MakeRuns& make_runs);

}  // namespace lockstep::train::mpi
