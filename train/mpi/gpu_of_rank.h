#pragma once

#include <optional>
#include <string>

namespace lockstep::train::mpi {

// One of a host's GPUs for each of its ranks, in turn where there are more ranks than GPUs: what
// CUDA_VISIBLE_DEVICES is to be for the rank `rank_here` (0, 1, ... on its host). `visible`: what it is, if
// it is set: of several ("0,1,2,3", UUIDs) the rank's own, the only one of a Slurm task with
// --gpus-per-task=1. Else one of `gpus`. Nothing where the variable is to stay as it is, as there is nothing
// to choose from.
std::optional<std::string> gpu_of_rank(int rank_here, const std::optional<std::string>& visible, int gpus);

// GPUs whose device files there are. (The driver would read CUDA_VISIBLE_DEVICES as it counts, once and for
// all.)
int gpus_here();

}  // namespace lockstep::train::mpi
