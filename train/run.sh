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
# No command computes on a GPU yet, and nvcc takes minutes.
build build/release -DLOCKSTEP_TESTS=OFF -DLOCKSTEP_CUDA=OFF
cd "$here"
[ $# -gt 0 ] || set -- study
exec "$root/build/release/bin/lockstep" "$@"
