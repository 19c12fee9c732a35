#!/bin/sh
# lockstep-mpi over three hosts, each a network namespace with a name and a link of its own, and an agent in place of
# ssh. As root, by hand: sh tests/mpi/three_hosts.sh build/tests. Needs iproute2 and openmpi-bin.
#   1. two ranks on each host give the numbers of one machine
#   2. a host with runs five times as long, and 100 ms away where the kernel has netem, delays only its own runs
#   3. a host that dies ends the job; --resume goes on to the same numbers
set -eu
build=$(realpath "${1:?usage: sh tests/mpi/three_hosts.sh BUILD_FOLDER}")
lockstep=$build/bin/lockstep mpi=$build/bin/lockstep-mpi sleeping=$build/tests/sleeping_runs
work=$(mktemp -d)
hosts="lockstep1 lockstep2 lockstep3"
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

clean_up() {
  for host in $hosts; do
    ip netns pids "$host" 2>/dev/null | xargs -r kill -9 2>/dev/null || true
    ip netns delete "$host" 2>/dev/null || true
    rm -rf "/etc/netns/$host"
  done
  ip link delete lockstep0 2>/dev/null || true
  rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 1' INT TERM

ip link add lockstep0 type bridge
ip link set lockstep0 up
number=0
for host in $hosts; do
  number=$((number + 1))
  mkdir -p "/etc/netns/$host"
  printf '%s\n' '127.0.0.1 localhost' '10.77.0.1 lockstep1' '10.77.0.2 lockstep2' '10.77.0.3 lockstep3' \
    >"/etc/netns/$host/hosts"
  ip netns add "$host"
  ip link add "lockstep-v$number" type veth peer name eth0 netns "$host"
  ip link set "lockstep-v$number" master lockstep0 up
  ip -n "$host" address add "10.77.0.$number/24" dev eth0
  ip -n "$host" link set eth0 up
  ip -n "$host" link set lo up
done

# Called as ssh is: HOST COMMAND...
cat >"$work/agent" <<'AGENT'
#!/bin/sh
host=$1
shift
exec ip netns exec "$host" unshare --uts sh -c "hostname $host; $*"
AGENT
chmod +x "$work/agent"
# mpirun on the first host: RANKS_OF_A_HOST WORDS...
on_hosts() {
  ranks=$1
  shift
  "$work/agent" lockstep1 "cd $work && exec mpirun --mca plm_rsh_agent $work/agent --mca btl self,vader,tcp \
    --mca btl_tcp_if_include 10.77.0.0/24 --mca oob_tcp_if_include 10.77.0.0/24 \
    --mca btl_vader_single_copy_mechanism none --bind-to none \
    --host lockstep1:$ranks,lockstep2:$ranks,lockstep3:$ranks $*"
}
same() {
  for file in contrasts.csv probes.csv rates.csv bands.csv; do
    cmp "$work/$1/$file" "$work/$2/$file" || { echo "FAILED: $file of $2 differs" >&2; exit 1; }
  done
}
seconds() { date +%s.%N; }

options="--task copy --steps 60 --curve-steps 20 --threshold 2.5 --layers 1 --width 32 --heads 2 --mlp 32 --batch 16
  --tune=off --causes rounding,coupling"
options=$(echo $options)
"$lockstep" study $options --seeds 6 --out "$work/whole" >/dev/null 2>&1

on_hosts 2 "$mpi study $options --seeds 6 --threads 1 --out $work/hosts" >/dev/null
same whole hosts
echo "1. six ranks on three hosts: the numbers of one machine"

away=", 100 ms away"
ip netns exec lockstep3 tc qdisc add dev eth0 root netem delay 100ms 2>/dev/null || away=" (no netem here, so no delay)"
begin=$(seconds)
export SLEEPING_SECONDS=0.2 SLEEPING_SLOW=2
on_hosts 1 "-x SLEEPING_SECONDS -x SLEEPING_SLOW $sleeping study --task copy --seeds 43 --tune=off --causes rounding \
  --f64-seeds 0 --threads 1 --out $work/slow" >/dev/null
# 90 runs: the two fast hosts make about 82 in 8.2 s, the slow one the rest. All at its pace would take 30 s.
taken=$(echo "$(seconds) - $begin" | bc)
echo "2. 90 runs of 0.2 s with one host five times as slow$away: $taken s (ideal 8.2)"
[ "$(echo "$taken < 14" | bc)" = 1 ] || { echo "FAILED: too long" >&2; exit 1; }
ip netns exec lockstep3 tc qdisc delete dev eth0 root 2>/dev/null || true

on_hosts 2 "$mpi study $options --seeds 16 --threads 1 --out $work/dies" >/dev/null 2>"$work/log" &
job=$!
while [ ! -e "$work/dies/study.h5" ] && kill -0 $job; do sleep 0.1; done
sleep 2
ip netns pids lockstep3 | xargs -r kill -9
if wait $job; then echo "FAILED: the job outlived its host" >&2; exit 1; fi
"$lockstep" study $options --seeds 16 --out "$work/whole16" >/dev/null 2>&1
on_hosts 2 "$mpi study $options --seeds 16 --threads 1 --out $work/dies --resume" >/dev/null
same whole16 dies
echo "3. a host that dies ends the job; --resume gives the numbers of one machine"
