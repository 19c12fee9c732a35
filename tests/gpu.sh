#!/bin/sh
# On a machine with a GPU: what tests/pack_gpu.sh packed, or a build of this tree. Tests, sanitizers and timings in the
# order of worth, each with its own limit; none stops the rest; a table last. Under 9 minutes in all.
#   sh tests/gpu.sh [BIN] [OUT] [SECONDS]
# BIN holds lockstep, conformance and cuda_device_tests (default: where a build puts them); OUT gets the logs.
set -u
root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
bin=${1:-$root/build/tests} out=${2:-$root/out/gpu} end=$(($(date +%s) + ${3:-520}))
mkdir -p "$out"
bin=$(CDPATH= cd -- "$bin" && pwd) out=$(CDPATH= cd -- "$out" && pwd)
cd "$root" # where the tests find their fixtures
table=$out/table.txt
: >"$table"
say() { echo "$*" | tee -a "$table"; }
program() { find "$bin" -type f -name "$1" -perm -u+x 2>/dev/null | head -n 1; }
# step NAME LIMIT PATTERN COMMAND...: runs it, says how it ended, and its lines with the pattern.
step() {
  name=$1 limit=$2 pattern=$3 left=$((end - $(date +%s)))
  shift 3
  if [ ! -x "$(command -v "${1:-none}" 2>/dev/null)" ]; then say "$name: left out, no such program"; return 0; fi
  if [ "$left" -lt 10 ]; then say "$name: left out, no time"; return 0; fi
  [ "$limit" -le "$left" ] || limit=$left
  start=$(date +%s.%N)
  timeout -k 5 "$limit" "$@" >"$out/$name.log" 2>&1
  rc=$?
  say "$name: rc $rc, $(echo "$(date +%s.%N) $start" | awk '{printf "%.1f", $1 - $2}') s"
  grep -aE "$pattern" "$out/$name.log" | sed 's/^/    /' | tee -a "$table"
}
if command -v nvidia-smi >/dev/null; then
  card=$(nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.max.sm --format=csv,noheader | head -n 1)
else
  card="no nvidia-smi"
fi
# cuBLASLt may be there for PyTorch alone.
if [ -z "${LOCKSTEP_CUBLASLT-}" ] && ! ldconfig -p | grep -q 'libcublasLt.so.13 '; then
  LOCKSTEP_CUBLASLT=$(find / -name 'libcublasLt.so.1[23]' -not -path '/proc/*' 2>/dev/null | sort -r | head -n 1)
  export LOCKSTEP_CUBLASLT
fi
lockstep=$(program lockstep) tests=$(program cuda_device_tests) conformance=$(program conformance)
[ -n "$lockstep$tests$conformance" ] || { echo "gpu.sh: no programs in $bin: build them, or unpack tests/pack_gpu.sh's archive" >&2; exit 2; }
step doctor 30 '^cuda|driver|device 0|cublasLt|not usable' ${lockstep:-none} doctor
if ! grep -qs 'device 0:' "$out/doctor.log"; then
  say "no device: $(sed -n 's/.*not usable: //p; s/^cuda *none: //p' "$out/doctor.log" | head -n 1)"
  say "$card $(date -u +%F)"
  exit 3
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
step device_tests 120 'PASSED|FAILED|comparisons' ${tests:-none}
step conformance 60 'on cuda|failed|FAILED' env LOCKSTEP_TEST_DEVICE=cuda ${conformance:-none}
step bench 150 . ${lockstep:-none} bench --device cuda --seconds 0.5
# Trainings with next to nothing to compute: how many steps a second the host and the card's queues let through.
step host_bound 40 '^copy' ${lockstep:-none} bench --device cuda --vocabulary 8 --tokens 4 --width 16 --heads 2 \
  --layers 1 --batch 2 --attention combined --runs 1,8,32,128 --seconds 0.5
step profile 40 ' ms|%' ${lockstep:-none} bench --device cuda --profile --model toy,copy,char,baby --attention combined --runs 1 --seconds 0.2
step beside 90 ' us|%' ${lockstep:-none} bench --device cuda --profile --model copy,char --attention combined --runs 32 --beside 32 --seconds 0.5
step kernels 60 . python3 tests/bench/gpu_kernels.py ${lockstep:-none} copy shakespeare
step train 60 'step +300|On ' ${lockstep:-none} train --device cuda --out "$work/copy"
step study 120 'steps|loss|equivalent|different|undecided|On ' ${lockstep:-none} study --device cuda --out "$work/study"
# Whether the runs in f64, which one thread does one after the other, or the rest is what a study waits for.
[ ! -f "$work/study/runs.csv" ] || awk -F, 'NR > 1 { all += $13; if ($2 ~ /d$/) f64 += $13 }
  END { printf "    seconds within runs: %.1f of all threads together, %.1f of the runs in f64\n", all, f64 }' \
  "$work/study/runs.csv" | tee -a "$table"
ops='*TwoRuns*attention_causal:*TwoRuns*layer_norm:*TwoRuns*linear:*TwoRuns*embedding:*TwoRuns*/sum'
for tool in memcheck initcheck synccheck racecheck; do
  case $tool in
    racecheck) filter=$ops ;; # it takes a hundred times as long
    initcheck) filter=$ops:CudaTraining.*-*Tf32* ;;
    *) filter=$ops:CudaTraining.* ;;
  esac
  step "$tool" 45 'PASSED|FAILED|ERROR SUMMARY|RACECHECK' compute-sanitizer --tool "$tool" --error-exitcode 9 ${tests:-none} \
    --gtest_filter="$filter"
done
# Apart, since initcheck complains of kernels that read what the library's products in TF32 wrote: it seems not to see
# how those store. Their results are right, which tests compare.
step initcheck_tf32 45 'PASSED|FAILED|Uninit|    at |ERROR SUMMARY' compute-sanitizer --tool initcheck --print-limit 3 \
  --error-exitcode 9 ${tests:-none} --gtest_filter='CudaTraining.*Tf32*:CudaProducts.RoundTheir*'
step peers 230 . python3 tests/bench/gpu_peers.py 0.5
say "$card $(date -u +%F)"
