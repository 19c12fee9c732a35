"""One framework in one process, told what to time by compare_steps.py.
usage: peer.py eager|compile|jax THREADS
Reads lines "MODEL combined|separate SECONDS" and answers each with a line of JSON: the times of its steps in ms,
the seconds of the first one (which compiles), and the peak memory of the process so far in MiB."""
import json
import os
import resource
import sys
import time


def make_trainer(framework, threads):
    if framework == "jax":
        os.environ["JAX_PLATFORMS"] = "cpu"
        os.environ["XLA_FLAGS"] = (f"--xla_cpu_multi_thread_eigen={'true' if threads > 1 else 'false'} "
                                   f"intra_op_parallelism_threads={threads}")
        from models_jax import Training
        return Training
    import torch
    torch.set_num_threads(threads)
    from models_torch import Training
    return lambda name, combined: Training(name, combined, framework == "compile")


def timed(action):
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def main():
    trainer = make_trainer(sys.argv[1], int(sys.argv[2]))
    trainings, firsts = {}, {}
    for line in sys.stdin:
        name, attention, seconds = line.split()
        key = name, attention
        if key not in trainings:
            trainings[key] = trainer(name, attention == "combined")
            firsts[key] = timed(trainings[key].step)
            for _ in range(3):
                trainings[key].step()
        times, end = [], time.perf_counter() + float(seconds)
        while len(times) < 2 or time.perf_counter() < end:
            times.append(1e3 * timed(trainings[key].step))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"ms": times, "first_s": firsts[key], "peak_mib": peak}), flush=True)


main()
