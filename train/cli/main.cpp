// lockstep: the command line.
#include "train/cli/program.h"

int main(int argc, char** argv) {
  using namespace lockstep::train::cli;
  Session session;
  return run_program(
      {.name = "lockstep",
       .description = "Trains attention models in two configurations side by side, and says what "
                      "really made them learn differently.",
       .commands = {add_study, add_report, add_train, add_findings, add_explain, add_diverge, add_weights,
                    add_info, add_bench}},
      session, argc, argv);
}
