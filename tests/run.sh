#!/bin/sh
# Installs what is missing, builds, and runs the tests. Arguments go to CTest: sh tests/run.sh -R softmax
set -eu
cd "$(dirname "$0")/.."
. train/setup.sh
install_missing tests
build build/tests -DLOCKSTEP_TESTS=ON
exec ctest --test-dir build/tests --output-on-failure --parallel "$(nproc)" "$@"
