// lockstep-mpi
#include "train/mpi/program.h"

int main(int argc, char** argv) {
  return lockstep::train::mpi::run_program(argc, argv, LOCKSTEP_VERSION, lockstep::train::on_device);
}
