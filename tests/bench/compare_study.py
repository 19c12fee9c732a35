"""Study throughput: training steps of the copy task per second over all runs, start-up and verdict included.

usage: compare_study.py LOCKSTEP [--rounds 2] [--seeds 12] [--steps 76] [--processes 2]
LOCKSTEP is the program: `lockstep study --task copy`. Beside it, in turn, the same arms in the fastest way in PyTorch
that we found: a process with one thread for each core, every f32 run of --steps steps (Lockstep's end when their
metrics are known). Wants a Python with torch 2.9."""
import argparse
import csv
import os
import statistics
import subprocess
import sys
import tempfile
import time

FOLDER = os.path.dirname(os.path.abspath(__file__))


def lockstep(options):
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "study")
        start = time.perf_counter()
        subprocess.run([options.lockstep, "study", "--task", "copy", "--seeds", str(options.seeds), "--threads",
                        str(options.processes), "--out", out], check=True, capture_output=True)
        seconds = time.perf_counter() - start
        with open(os.path.join(out, "runs.csv")) as file:
            steps = sum(int(run["steps_run"]) for run in csv.DictReader(file))
    return steps, seconds


def pytorch(options):
    start = time.perf_counter()
    parts = [subprocess.Popen([sys.executable, os.path.join(FOLDER, "study_peer.py"), str(part),
                               str(options.processes), str(options.seeds), str(options.steps)],
                              stdout=subprocess.PIPE, text=True) for part in range(options.processes)]
    steps = sum(int(part.communicate()[0]) for part in parts)
    return steps, time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lockstep")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=12)
    parser.add_argument("--steps", type=int, default=76)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    rates = {"lockstep": [], "pytorch": []}
    for _ in range(options.rounds):
        for name, measure in (("lockstep", lockstep), ("pytorch", pytorch)):
            steps, seconds = measure(options)
            rates[name].append(steps / seconds)
            print(f"{name:10}{steps:>8} steps in {seconds:6.1f} s: {steps / seconds:6.1f} steps/s", flush=True)
    medians = {name: statistics.median(values) for name, values in rates.items()}
    print(f"lockstep {medians['lockstep']:.1f}, pytorch {medians['pytorch']:.1f} steps/s: "
          f"{medians['lockstep'] / medians['pytorch']:.2f} times as fast")


main()
