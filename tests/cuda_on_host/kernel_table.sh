#!/bin/sh
# A table of the CUDA kernels, made by nvcc alone: registers, static shared memory, and the warps that fit on a
# multiprocessor by registers and threads (of 64; dynamic shared memory is not counted).
#   sh tests/cuda_on_host/kernel_table.sh [sm_90]
set -eu
CDPATH= cd -- "$(dirname -- "$0")/../.."
arch=${1:-sm_90}
for file in core/cuda/*.cu; do
  nvcc -std=c++20 -O3 -arch="$arch" --expt-relaxed-constexpr -DFMT_USE_CONSTEXPR=1 -I. -Icore -Xptxas -v,-warn-spills \
    -Werror all-warnings -cubin -o /dev/null "$file" 2>&1 | c++filt -p | sed "s|^|$(basename "$file") |"
done | awk -v arch="$arch" '
  # Names lose their namespaces, and kernels with the same numbers share a line.
  /Compiling entry function/ { name = $0; sub(/.*function ./, "", name); sub(/. for .*/, "", name)
                               gsub(/lockstep::cuda::|\(anonymous namespace\)::|lockstep::/, "", name); file = $1 }
  /Used [0-9]+ registers/ {
    match($0, /Used [0-9]+/); registers = substr($0, RSTART + 5, RLENGTH - 5)
    shared = 0; if (match($0, /[0-9]+ bytes smem/)) shared = substr($0, RSTART, RLENGTH - 11)
    # Registers go to warps in units of 256, 65536 to a multiprocessor; blocks here have 8 warps.
    units = int((registers * 32 + 255) / 256) * 256
    warps = int(65536 / (units * 8)) * 8; if (warps > 64) warps = 64
    printf "%-24s %9d %7d %5d  %s\n", file, registers, shared, warps, name; count++
  }
  BEGIN { printf "%-24s %9s %7s %5s  %s\n", "file", "registers", "shared", "warps", "kernel" }
  END { printf "%d kernels for %s, no spills\n", count, arch }'
