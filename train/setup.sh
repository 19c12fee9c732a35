# Sourced by train/run.sh and tests/run.sh, in the repository's root: installs what is missing, configures and builds.
# usage: . train/setup.sh; install_missing PURPOSE; build FOLDER CMAKE_OPTIONS...

# Package and what it is for, one a line.
needed_packages() {
  cat <<'EOF'
g++                  the compiler
cmake                the build
ninja-build          the build
pkg-config           finds Highway
libopenblas-dev      matrix products
libhdf5-dev          data sets, studies, checkpoints
libhwy-dev           vector instructions, chosen at run time
libfmt-dev           text
libcli11-dev         the command line
libtomlplusplus-dev  study files
nlohmann-json3-dev   safetensors headers, --json
EOF
  [ "$1" != tests ] || echo "libgtest-dev         the tests"
  [ "$1" != tests ] || echo "openmpi-bin          studies on several machines: mpirun"
  [ "$1" != tests ] || echo "libopenmpi-dev       the same: lockstep-mpi"
  [ "$1" != tests ] || echo "pybind11-dev         the Python module: that it compiles"
  [ "$1" != tests ] || echo "python3-dev          the same"
  [ "$1" != tests ] || echo "libboost-context-dev the tests of the CUDA kernels: a block's threads are fibers"
}

install_missing() {
  missing=$(needed_packages "$1" | while read -r package purpose; do
    dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || echo "$package"
  done)
  [ -n "$missing" ] || return 0
  echo "Missing from this machine:"
  needed_packages "$1" | while read -r package purpose; do
    echo "$missing" | grep -qx -- "$package" && printf '  %-20s %s\n' "$package" "$purpose"
  done || true
  if [ "$(id -u)" = 0 ]; then as_root=""
  elif command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then as_root=sudo
  else
    echo "They cannot be installed without root. As root: apt-get install" $missing >&2
    exit 1
  fi
  echo "Installing them with apt-get."
  $as_root env DEBIAN_FRONTEND=noninteractive sh -c \
    "apt-get update -qq && apt-get install -y -qq --no-install-recommends $(echo $missing)" >/dev/null || {
    echo "apt-get failed. To install by hand: apt-get install" $missing >&2
    exit 1
  }
}

# Passes a build's output on into the file, and shows how far it is: in place on a terminal, every quarter elsewhere.
show_share() {
  told=0
  while IFS= read -r line; do
    printf '%s\n' "$line"
    case $line in
      '['*%'] '[BL]*ing*)
        share=${line%%\%*}
        share=$(echo "${share#[}" | tr -d ' ')
        if [ -t 2 ]; then printf '\rBuilding: %s%%' "$share" >&2
        elif [ "$share" -ge $((told + 25)) ]; then
          told=$share
          printf 'Building: %s%%\n' "$share" >&2
        fi
        ;;
    esac
  done >"$1"
  [ ! -t 2 ] || printf '\r\033[K' >&2
}

# usage: [targets="TARGET..."] build FOLDER CMAKE_OPTIONS...
# Builds quietly; shows the log where something goes wrong.
build() {
  folder=$1
  shift
  mkdir -p "$folder"
  [ -f "$folder/CMakeCache.txt" ] || echo "Building (once; a few minutes)."
  rm -f "$folder/built"
  # A folder that another generator has made keeps it.
  generator=""
  [ -f "$folder/CMakeCache.txt" ] || generator="-G Ninja"
  {
    cmake -S . -B "$folder" $generator "$@" &&
      NINJA_STATUS='[%p] ' cmake --build "$folder" --parallel "$(nproc)" ${targets:+--target $targets} &&
      touch "$folder/built"
  } 2>&1 | show_share "$folder/log.txt"
  [ -f "$folder/built" ] || {
    tail -n 40 "$folder/log.txt" >&2
    echo "The build failed; the whole log is in $folder/log.txt" >&2
    exit 1
  }
}
