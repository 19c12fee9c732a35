#include "train/mpi/program.h"

#include <cstdlib>
#include <functional>

#include "data/files/atomic_file.h"
#include "train/cli/program.h"
#include "train/mpi/gpu_of_rank.h"
#include "train/mpi/member.h"

namespace lockstep::train::mpi {

namespace {

// Its version, and a sum of its bytes: what was built of other sources under the same version is another one.
std::string name_of_program(const std::string& version) {
  return fmt::format("{} (program {:016x})", version,
                     std::hash<std::string>()(data::read_file("/proc/self/exe")));
}

void choose_gpu(const Messenger& messenger) {
  constexpr const char* variable = "CUDA_VISIBLE_DEVICES";
  const char* const visible = std::getenv(variable);
  const std::optional<std::string> own =
      gpu_of_rank(messenger.rank_here(), visible ? std::optional(visible) : std::nullopt, gpus_here());
  if (own) setenv(variable, own->c_str(), /*replace=*/1);
}

}  // namespace

int run_program(int argc, char** argv, const std::string& version, const MakeRuns& make_runs) {
  Messenger messenger(argc, argv);
  choose_gpu(messenger);
  const std::string program = name_of_program(version);
  if (messenger.rank() > 0) return take_part(messenger, program, make_runs);
  Ranks ranks(messenger, program, make_runs);
  cli::Session session{.crew = &ranks};
  const int code =
      cli::run_program({.name = "lockstep-mpi",
                        .description = "lockstep study on all ranks of an MPI job: mpirun -n 8 "
                                       "lockstep-mpi study NAME. For all else there is lockstep.",
                        .commands = {cli::add_study}},
                       session, argc, argv);
  ranks.quit(code);
  return code;
}

}  // namespace lockstep::train::mpi
