#pragma once

#include <vector>

#include "train/cli/commands.h"

namespace lockstep::train::cli {

// A program with commands.
struct Program {
  const char *name, *description;
  std::vector<void (*)(CLI::App&, Session&)> commands;
};

// Does what the command line says, or says what is wrong with it. Gives the exit code: 0 done, 1 failed, 2
// wrong input, 130 stopped by a signal.
int run_program(const Program& program, Session& session, int argc, char** argv);

}  // namespace lockstep::train::cli
