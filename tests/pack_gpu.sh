#!/bin/sh
# Without a GPU: everything that a machine with one needs to run tests/gpu.sh, in one archive. Such a machine may have a
# driver and cuBLASLt (PyTorch's wheels bring it) and nothing else of ours.
#   sh tests/pack_gpu.sh FOLDER [BUILD]   ->  FOLDER/lockstep_gpu.tar.xz
# There: tar xf lockstep_gpu.tar.xz && sh lockstep_gpu/tests/gpu.sh lockstep_gpu/bin
set -eu
root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
build=${2:-$root/build/tests}
bundle=$1/lockstep_gpu
rm -rf "$bundle" && mkdir -p "$bundle/bin" "$bundle/lib" "$bundle/tests"
for name in lockstep cuda_device_tests conformance; do
  program=$(find "$build" -type f -name "$name" -perm -u+x | head -n 1)
  [ -n "$program" ] || { echo "pack_gpu.sh: no $name in $build: build it first" >&2; exit 1; }
  strip -o "$bundle/bin/$name" "$program"
done
# OpenBLAS is loaded at run time, so ldd does not know of it. glibc, the driver and cuBLAS are the other machine's own.
blas=$(ldconfig -p | awk '/libopenblas.so.0 /{print $NF; exit}')
for library in $(ldd "$bundle"/bin/* "$blas" | awk '/=> \//{print $3}' | sort -u) "$blas"; do
  case $(basename "$library") in
    libc.so*|libm.so*|libdl.so*|librt.so*|libpthread.so*|ld-linux*|libcublas*|libcuda.so*) ;;
    *) cp -Lf "$library" "$bundle/lib/" ;;
  esac
done
cp -r "$root/tests/fixtures" "$bundle/tests/"
cp "$root/tests/gpu.sh" "$bundle/tests/"
mkdir "$bundle/tests/bench"
cp "$root"/tests/bench/gpu_peers.py "$root"/tests/bench/gpu_kernels.py "$root"/tests/bench/models_*.py "$bundle/tests/bench/"
mkdir -p "$bundle/share/lockstep" # where an installed program looks for its data
cp "$root/data/digits.h5" "$root/data/tinyshakespeare.txt" "$bundle/share/lockstep/"
# A program finds its libraries by a script beside it, which leaves other programs' environment as it is.
for name in lockstep cuda_device_tests conformance; do
  mv "$bundle/bin/$name" "$bundle/lib/$name.bin"
  printf '#!/bin/sh\nlib=$(CDPATH= cd -- "$(dirname -- "$0")/../lib" && pwd)\nexec env LD_LIBRARY_PATH="$lib:${LD_LIBRARY_PATH-}" "$lib/%s.bin" "$@"\n' \
    "$name" >"$bundle/bin/$name"
  chmod +x "$bundle/bin/$name"
done
tar c -C "$1" lockstep_gpu | xz -T0 -3 >"$1/lockstep_gpu.tar.xz"
ls -l "$1/lockstep_gpu.tar.xz"
