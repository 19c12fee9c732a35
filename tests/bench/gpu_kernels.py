"""What each kernel of a training step asks of a GPU, by Nsight Compute (ncu), which reads the card's counters.
usage: gpu_kernels.py LOCKSTEP [TASK ...]
       gpu_kernels.py --csv FILE     what ncu printed
A line for each kernel of the second step, from one update of the weights to the next: us alone; us of the whole card
that its blocks would take up if nothing but its registers, shared memory and warps limited how many stand side by side
("room") and if nothing but its instructions did ("issue"); MB between L1 and L2. Trainings at once cannot take less
than the sums of room or of issue for a step; a kernel whose room is far above its issue keeps others off the card while
it waits."""
import collections
import csv
import itertools
import shutil
import subprocess
import sys
import tempfile

LIMITS = ["launch__occupancy_limit_" + what for what in ("blocks", "registers", "shared_mem", "warps")]
METRICS = ["gpu__time_duration.sum", "sm__cycles_elapsed.max", "sm__warps_active.sum", "smsp__inst_issued.sum",
           "lts__t_sectors.sum", "launch__grid_size", "launch__block_size", "launch__registers_per_thread",
           "sm__cycles_active.sum", "sm__cycles_active.avg", *LIMITS]
MICROSECONDS = {"ns": 1e-3, "nsecond": 1e-3, "us": 1, "usecond": 1, "ms": 1e3, "msecond": 1e3}


def counted(lockstep, task):
    """ncu's lines for two steps, which are not replayed yet."""
    ncu = shutil.which("ncu")
    if ncu is None:
        sys.exit("gpu_kernels.py: no ncu here (Nsight Compute)")
    with tempfile.TemporaryDirectory() as out:
        run = subprocess.run([ncu, "--clock-control", "none", "--cache-control", "none", "--metrics", ",".join(METRICS),
                              "--csv", lockstep, "train", "--device", "cuda", "--task", task, "--steps", "2",
                              "--out", out + "/run"], capture_output=True, text=True, check=False)
    if '"ID"' not in run.stdout:
        sys.exit(f"gpu_kernels.py: ncu ended with {run.returncode}: {run.stdout[-500:]}{run.stderr[-500:]}")
    return run.stdout.splitlines()


def kernels(lines):
    """Of each launch, its name and metrics."""
    launches = collections.OrderedDict()
    for row in csv.DictReader(line for line in lines if line.startswith('"')):
        launch = launches.setdefault(row["ID"], {"name": row["Kernel Name"]})
        value = float(row["Metric Value"].replace(",", ""))
        launch[row["Metric Name"]] = value * MICROSECONDS.get(row["Metric Unit"], 1)
    return list(launches.values())


def short(name):
    """"layer_norm<4>" of "void lockstep::cuda::<unnamed>::layer_norm_kernel<(int)4>(float *, long)"."""
    for left_out in ("void ", "lockstep::", "cuda::", "<unnamed>::", "_kernel", "(int)", "(bool)"):
        name = name.replace(left_out, "")
    return name.split("(")[0][:60]


def second_step(launches):
    """Those behind the first update of the weights up to the end of the second, which may be several launches each."""
    ends, at = [], 0
    for is_update, group in itertools.groupby(launches, lambda launch: short(launch["name"]).startswith("update")):
        at += len(list(group))
        if is_update:
            ends.append(at)
    if len(ends) < 2:
        sys.exit(f"gpu_kernels.py: {len(ends)} updates among {len(launches)} kernels, two steps were expected")
    return launches[ends[0]:ends[1]]


def table(lines):
    sums = collections.OrderedDict()
    total = [0.0] * 5
    for launch in second_step(kernels(lines)):
        us = launch["gpu__time_duration.sum"]
        per_us = launch["sm__cycles_elapsed.max"] / us
        processors = launch["sm__cycles_active.sum"] / launch["sm__cycles_active.avg"]
        at_once = min(launch[limit] for limit in LIMITS)
        warps = launch["launch__block_size"] / 32
        values = [1, us, launch["sm__warps_active.sum"] / warps / at_once / processors / per_us,
                  launch["smsp__inst_issued.sum"] / 4 / processors / per_us, launch["lts__t_sectors.sum"] * 32e-6]
        key = (short(launch["name"]), launch["launch__grid_size"], launch["launch__block_size"], at_once,
               launch["launch__registers_per_thread"])
        of_key = sums.setdefault(key, [0.0] * 5)
        for i, value in enumerate(values):
            of_key[i] += value
            total[i] += value
    print("     n       us     room    issue       MB     grid  block  at once  registers  kernel")
    for (name, *shape), of_key in sorted(sums.items(), key=lambda item: -item[1][1]):
        print("{:6.0f} {:8.1f} {:8.1f} {:8.1f} {:8.1f} {:8.0f} {:6.0f} {:8.0f} {:10.0f}  {}".format(*of_key, *shape, name))
    print("{:6.0f} {:8.1f} {:8.1f} {:8.1f} {:8.1f}  in all".format(*total), flush=True)


if len(sys.argv) == 3 and sys.argv[1] == "--csv":
    with open(sys.argv[2], encoding="utf-8") as file:
        table(file)
elif len(sys.argv) > 1:
    for each in sys.argv[2:] or ["copy", "shakespeare"]:
        print(each)
        table(counted(sys.argv[1], each))
else:
    sys.exit(__doc__)
