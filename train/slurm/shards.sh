#!/bin/sh
# Submits a study as a job array, without MPI: sh train/slurm/shards.sh 16 out/big muon-qkv --seeds 1000
# First the runs that learning rates are chosen by (none with --tune off), then 16 shards, then what merges them into
# out/big/all and makes the report. Options for sbatch: SBATCH_PARTITION, SBATCH_ACCOUNT, ... (man sbatch).
set -eu
[ $# -ge 3 ] || { echo "usage: sh train/slurm/shards.sh SHARDS FOLDER STUDY [OPTION...]" >&2; exit 2; }
export SHARDS=$1 OUT=$2
shift 2
here=$(dirname -- "$0")
mkdir -p "$OUT"
rates=$(sbatch --parsable --output="$OUT/rates.log" "$here/shards.sbatch" "$@")
array=$(sbatch --parsable --dependency="afterok:$rates" --array="1-$SHARDS" --output="$OUT/s%a.log" \
  "$here/shards.sbatch" "$@")
lockstep=${LOCKSTEP:-build/release/bin/lockstep}
sbatch --dependency="afterany:$array" --job-name=lockstep-merge --output="$OUT/all.log" --wrap \
  "$lockstep merge '$OUT'/rates '$OUT'/s[0-9]*/ --out '$OUT/all' && $lockstep report '$OUT/all'"
