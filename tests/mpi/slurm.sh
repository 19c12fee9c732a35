#!/bin/sh
# train/slurm/ on a Slurm of its own: two nodes, each a network namespace with a name and a link of its own, on this
# machine. As root, by hand: sh tests/mpi/slurm.sh build/tests. Needs Debian's slurm-wlm, munge, openmpi-bin, iproute2;
# where they cannot be installed this was not run. Leaves nothing behind.
#   1. ranks.sbatch on both nodes gives the numbers of one machine
#   2. a rank is killed: the job ends; submitted again it goes on to the same numbers
#   3. shards.sh, with the runs that learning rates are chosen by, gives the numbers of one machine
#   4. a shard is told to end, as before its time is up, and is requeued: the same numbers
#   5. --gpus-per-task=1 (of cards that are none): each rank is given one of its own
set -eu
build=$(realpath "${1:?usage: sh tests/mpi/slurm.sh BUILD_FOLDER}")
lockstep=$build/bin/lockstep mpi=$build/bin/lockstep-mpi
scripts=$(realpath "$(dirname -- "$0")/../../train/slurm")
for needed in slurmctld slurmd munged mpirun ip; do
  command -v $needed >/dev/null && continue
  echo "not run: $needed is missing (apt-get install slurm-wlm munge openmpi-bin iproute2)" >&2
  exit 77
done
work=$(mktemp -d)
chmod 755 "$work"
nodes="lockstep-n1 lockstep-n2"
unset LOCKSTEP

clean_up() {
  for daemon in "$work"/*.pid; do
    [ ! -e "$daemon" ] || kill "$(cat "$daemon")" 2>/dev/null || true
  done
  sleep 1
  for node in $nodes; do
    ip netns pids "$node" 2>/dev/null | xargs -r kill -9 2>/dev/null || true
    ip netns delete "$node" 2>/dev/null || true
  done
  ip link delete lockstep-b0 2>/dev/null || true
  [ -n "${KEEP-}" ] && echo "kept: $work" >&2 || rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 1' INT TERM

fail() { echo "FAILED: $*" >&2; exit 1; }
same() {
  for file in contrasts.csv probes.csv rates.csv; do
    cmp "$work/$1/$file" "$work/$2/$file" || fail "$file of $2 differs"
  done
}
# Waits until no job is left.
settle() {
  waited=0
  while [ -n "$(squeue -h)" ]; do
    sleep 0.5
    waited=$((waited + 1))
    [ $waited -lt 600 ] || { squeue >&2; fail "jobs after five minutes"; }
  done
}
state_of() { scontrol -o show job "$1" | tail -n 1 | sed 's/.* JobState=\([A-Z]*\).*/\1/'; }

# ---- the cluster ----
printf '%s\n' '127.0.0.1 localhost' '10.78.0.1 lockstep-n1' '10.78.0.2 lockstep-n2' "10.78.0.254 $(hostname -s)" \
  >"$work/hosts"
ip link add lockstep-b0 type bridge
ip address add 10.78.0.254/24 dev lockstep-b0
ip link set lockstep-b0 up
number=0
for node in $nodes; do
  number=$((number + 1))
  mkdir -p "$work/tmp-$node" "$work/spool-$node"
  ip netns add "$node"
  ip link add "lockstep-w$number" type veth peer name eth0 netns "$node"
  ip link set "lockstep-w$number" master lockstep-b0 up
  ip -n "$node" address add "10.78.0.$number/24" dev eth0
  ip -n "$node" link set eth0 up
  ip -n "$node" link set lo up
done
dd if=/dev/urandom of="$work/munge.key" bs=1024 count=1 2>/dev/null
chmod 400 "$work/munge.key"
mkdir "$work/state"
export SLURM_CONF="$work/slurm.conf"
cat >"$SLURM_CONF" <<CONF
ClusterName=lockstep
SlurmctldHost=$(hostname -s)(10.78.0.254)
SlurmctldPort=16817
SlurmdPort=16818
AuthType=auth/munge
AuthInfo=socket=$work/munge.socket
SlurmUser=root
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool-%n
TmpFS=$work/tmp-%n
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd-%n.pid
SlurmctldLogFile=$work/slurmctld.log
SlurmdLogFile=$work/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SchedulerType=sched/builtin
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=1,batch_sched_delay=0,requeue_delay=1
MinJobAge=300
ReturnToService=2
GresTypes=gpu
NodeName=lockstep-n1 NodeAddr=10.78.0.1 CPUs=4 RealMemory=1000 Gres=gpu:4
NodeName=lockstep-n2 NodeAddr=10.78.0.2 CPUs=4 RealMemory=1000 Gres=gpu:4
PartitionName=all Nodes=ALL Default=YES State=UP
CONF
# Any device file stands for a card.
for card in 0 1 2 3; do mknod "$work/card$card" c 1 3; done
echo "Name=gpu File=$work/card[0-3]" >"$work/gres.conf"
munged --force --key-file="$work/munge.key" --socket="$work/munge.socket" --pid-file="$work/munged.pid" \
  --log-file="$work/munged.log" --seed-file="$work/munged.seed" 2>/dev/null
slurmctld
for node in $nodes; do
  nsenter --net="/run/netns/$node" unshare --uts --mount \
    sh -c "hostname $node; mount --bind '$work/hosts' /etc/hosts; exec slurmd -N $node"
done
waited=0
while [ "$(sinfo -h -t idle -o %D)" != 2 ]; do
  sleep 0.5
  waited=$((waited + 1))
  [ $waited -lt 60 ] || { tail -n 5 "$work"/*.log >&2; fail "the nodes do not come up"; }
done
cd "$work"

options="--task copy --steps 60 --curve-steps 20 --threshold 2.5 --layers 1 --width 32 --heads 2 --mlp 32 --batch 16"
options="$options --causes rounding,coupling"
fixed="$options --tune off --seeds 6"
tuned="$options --tune own --tune-seeds 2 --primary mean_loss --seeds 6"

"$lockstep" study $fixed --out whole >/dev/null 2>&1
LOCKSTEP=$mpi sbatch --wait --nodes=2 --ntasks=6 --output=ranks.log "$scripts/ranks.sbatch" $fixed --out ranks \
  >/dev/null || { cat ranks.log >&2; fail "ranks.sbatch"; }
same whole ranks
echo "1. six ranks on two nodes, by srun: the numbers of one machine"

long="$options --tune off --seeds 40"
"$lockstep" study $long --out whole40 >/dev/null 2>&1
job=$(LOCKSTEP=$mpi sbatch --parsable --nodes=2 --ntasks=4 --output=killed.log "$scripts/ranks.sbatch" $long --out killed)
while [ ! -e killed/study.h5 ]; do sleep 0.1; done
sleep 1
ip netns pids lockstep-n2 | while read -r process; do
  case $(readlink "/proc/$process/exe") in */lockstep-mpi) kill -9 "$process" ;; esac
done
settle
[ "$(state_of "$job")" = FAILED ] || fail "the job outlived its ranks: $(state_of "$job")"
LOCKSTEP=$mpi sbatch --wait --nodes=2 --ntasks=4 --output=killed.log "$scripts/ranks.sbatch" $long --out killed >/dev/null
same whole40 killed
echo "2. ranks that are killed end the job; submitted again it goes on to the same numbers"

"$lockstep" study $tuned --out tuned >/dev/null 2>&1
LOCKSTEP=$lockstep SBATCH_CPUS_PER_TASK=1 sh "$scripts/shards.sh" 3 shards $tuned >/dev/null
settle
[ -e shards/all/report.html ] || { cat shards/*.log >&2; fail "shards.sh"; }
same tuned shards/all
LOCKSTEP=$lockstep SBATCH_CPUS_PER_TASK=1 sh "$scripts/shards.sh" 2 untuned $fixed >/dev/null
settle
[ -e untuned/all/report.html ] || { cat untuned/*.log >&2; fail "shards.sh of a study that tunes nothing"; }
same whole untuned/all
echo "3. rates, three shards and their merge as a job array, and without rates: the numbers of one machine"

export OUT=$work/stopped SHARDS=1
mkdir stopped
job=$(LOCKSTEP=$lockstep sbatch --parsable --array=1-1 --output=stopped.log "$scripts/shards.sbatch" $long)
while [ ! -e stopped/s1/study.h5 ]; do sleep 0.1; done
sleep 0.5
scancel --batch --signal=TERM "${job}_1"
settle
before=$(state_of "${job}_1")
scontrol requeue "${job}_1"
scontrol update JobId="${job}_1" StartTime=now  # not after the two minutes of the rule
settle
[ "$before" = FAILED ] || fail "a shard that was told to end is $before"
"$lockstep" merge stopped/s1 --out stopped/all >/dev/null 2>&1
"$lockstep" report stopped/all >/dev/null 2>&1
same whole40 stopped/all
echo "4. a shard that is told to end ends, and goes on as it is requeued: the same numbers"

srun --nodes=2 --ntasks=6 --gpus-per-task=1 --mpi=pmix sh -c 'echo "$(hostname) $SLURM_LOCALID $CUDA_VISIBLE_DEVICES"' |
  sort >cards
cat cards
[ "$(sort -u cards | wc -l)" = 6 ] || fail "two ranks of a node have one card"
echo "5. each rank is given a card of its own"
