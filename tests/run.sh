#!/bin/sh
# Installs what is missing, builds, and runs the tests. Arguments go to CTest: sh tests/run.sh -R softmax
# LOCKSTEP_FIXTURES=folder sh tests/run.sh -R conformance runs other fixtures and shows their table.
# With --asan in front, core, data and optim with the address and undefined-behaviour sanitizers. (CMake's preset asan
# builds everything with them.)
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
  targets="core_tests data_tests optim_tests" build "$folder" --preset asan -DLOCKSTEP_TESTS=ON
  set -- -L 'core|data|optim' "$@"
else
  folder=build/tests
  build "$folder" -DLOCKSTEP_TESTS=ON
fi
exec ctest --test-dir "$folder" --output-on-failure ${LOCKSTEP_FIXTURES:+--verbose} --parallel "$(nproc)" "$@"
