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
CDPATH= cd -- "$(dirname -- "$0")/.."
. train/setup.sh
install_missing tests
# The programs that may have tests which a pattern selects, as ctest -R does: by the names of their tests, or (op cases
# get theirs at run time) by a word in their sources.
programs_with() {
  for folder in core nn optim data train layout adding; do
    names=$(cat $(find "tests/$folder" -name '*.cpp') | sed -nE 's/^TEST(_F|_P)?\((\w+), *(\w+)\).*/\2.\3/p')
    if echo "$names" | grep -qE -- "$1" || grep -rqE -- "$1" "tests/$folder"; then echo "${folder}_tests"; fi
  done
  for program in conformance readme_example; do
    if echo "$program" | grep -qE -- "$1"; then echo "$program"; fi
  done
}

if [ "${1-}" = --asan ]; then
  shift
  folder=build/asan
  targets="core_tests data_tests optim_tests" build "$folder" --preset asan -DLOCKSTEP_TESTS=ON
  if [ $# = 0 ]; then set -- -L part; else set -- -L 'core|data|optim' "$@"; fi
else
  folder=build/tests
  selected=""
  [ "${1-}" != -R ] || selected=$(programs_with "${2-}")
  # One architecture: nvcc takes as long for each, and the kernels run on the host here.
  targets=$selected build "$folder" -DLOCKSTEP_TESTS=ON -DLOCKSTEP_PYTHON=ON -DCMAKE_CUDA_ARCHITECTURES=90-real
fi
# A test that hangs fails, by its name: the longest takes a minute or two. One more than there are cores: some wait.
exec ctest --test-dir "$folder" --output-on-failure --timeout 600 ${LOCKSTEP_FIXTURES:+--verbose} --parallel $(($(nproc) + 1)) "$@"
