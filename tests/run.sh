#!/bin/sh
# Installs what is missing, builds, and runs the tests. Arguments go to CTest: sh tests/run.sh -R softmax
# LOCKSTEP_FIXTURES=folder sh tests/run.sh -R conformance runs other fixtures and shows their table.
set -eu
case ${LOCKSTEP_FIXTURES:-/} in
  /*) ;;
  *) export LOCKSTEP_FIXTURES="$PWD/$LOCKSTEP_FIXTURES" ;;
esac
cd "$(dirname "$0")/.."
. train/setup.sh
install_missing tests
build build/tests -DLOCKSTEP_TESTS=ON
exec ctest --test-dir build/tests --output-on-failure ${LOCKSTEP_FIXTURES:+--verbose} --parallel "$(nproc)" "$@"
