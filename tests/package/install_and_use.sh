#!/bin/sh
# Installs the build into a folder, builds tests/package with it as an outside project, and runs the README's example
# there.
# usage: install_and_use.sh BUILD_FOLDER EXAMPLE.cpp
set -eu
build=$1
example=$2
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake --install "$build" --prefix "$work/prefix" >/dev/null
cmake -S "$here" -B "$work/build" -DCMAKE_PREFIX_PATH="$work/prefix" -DEXAMPLE="$example" >"$work/log" || {
  cat "$work/log"
  exit 1
}
cmake --build "$work/build"
cd "$work"
"$work/build/example"
test -s "$work/attention.safetensors"
# The installed program finds its data without the source tree.
"$work/prefix/bin/lockstep" train --task digits --steps 2 --out "$work/digits" >/dev/null
"$work/prefix/bin/lockstep" repro | grep -q 410444.28
