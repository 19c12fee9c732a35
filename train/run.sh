#!/bin/sh
# Installs what is missing, builds, and runs lockstep: the default study, or what the arguments say.
#   sh train/run.sh                            the default study
#   sh train/run.sh train --task shakespeare   any other command
set -eu
here=$PWD
CDPATH= cd -- "$(dirname -- "$0")/.."
root=$PWD
. train/setup.sh
install_missing train
# nvcc takes minutes: for this machine's GPU, or not at all.
cuda=-DLOCKSTEP_CUDA=OFF
if nvidia-smi >/dev/null 2>&1; then cuda="-DLOCKSTEP_CUDA=ON -DCMAKE_CUDA_ARCHITECTURES=native"; fi
build build/release -DLOCKSTEP_TESTS=OFF $cuda
cd "$here"
[ $# -gt 0 ] || set -- study
exec "$root/build/release/bin/lockstep" "$@"
