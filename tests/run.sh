#!/bin/sh
# Installs what is missing, builds, and runs the tests. Arguments go to CTest: sh tests/run.sh -R softmax
# LOCKSTEP_FIXTURES=folder sh tests/run.sh -R conformance runs other fixtures and shows their table.
# With --asan in front, built with the address and undefined-behaviour sanitizers: sh tests/run.sh --asan -L core
set -eu
case ${LOCKSTEP_FIXTURES:-/} in
  /*) ;;
  *) export LOCKSTEP_FIXTURES="$PWD/$LOCKSTEP_FIXTURES" ;;
esac
cd "$(dirname "$0")/.."
. train/setup.sh
install_missing tests
if [ "${1-}" = --asan ]; then
  shift
  folder=build/asan
  build "$folder" -DLOCKSTEP_TESTS=ON -DCMAKE_BUILD_TYPE=RelWithDebInfo -DLOCKSTEP_SANITIZE=address,undefined
else
  folder=build/tests
  build "$folder" -DLOCKSTEP_TESTS=ON
fi
exec ctest --test-dir "$folder" --output-on-failure ${LOCKSTEP_FIXTURES:+--verbose} --parallel "$(nproc)" "$@"
