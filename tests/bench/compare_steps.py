"""Step times of Lockstep beside PyTorch eager, torch.compile and JAX, in turn in the same minutes.

usage: compare_steps.py LOCKSTEP [--models toy,copy,char,baby] [--threads 1,2] [--rounds 3] [--seconds 1]
                        [--peers eager,compile,jax] [--json FILE]
LOCKSTEP is the program, say build/release/bin/lockstep. Wants a Python with torch and jax; nothing in the build or
the tests does. Every round times each framework for some seconds, one after the other, so that what else the machine
does meets all of them. Prints medians over all rounds; "faster" is the best peer's time over Lockstep's."""
import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys

FOLDER = os.path.dirname(os.path.abspath(__file__))


class Peer:
    def __init__(self, framework, threads):
        self.process = subprocess.Popen([sys.executable, os.path.join(FOLDER, "peer.py"), framework, str(threads)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def measure(self, model, attention, seconds):
        self.process.stdin.write(f"{model} {attention} {seconds}\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def lockstep(program, model, attention, threads, seconds):
    # The floor alternates with the steps, so half of the time is the steps'.
    command = [program, "bench", "--model", model, "--attention", attention, "--threads", str(threads),
               "--seconds", str(2 * seconds), "--json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["steps"][0]


def compare(options, threads):
    rows = []
    for model in options.models:
        # A process for each model, so that its peak memory is that model's.
        peers = {name: Peer(name, threads) for name in options.peers}
        cells = {attention: {name: [] for name in ["lockstep", "floor", *peers]}
                 for attention in ("combined", "separate")}
        peak = {attention: {} for attention in cells}
        for _, attention in itertools.product(range(options.rounds), cells):
            cell = cells[attention]
            own = lockstep(options.lockstep, model, attention, threads, options.seconds)
            cell["lockstep"].append(own["step_ms"]["median"])
            cell["floor"].append(own["floor_ms"]["median"])
            peak[attention]["lockstep"] = own["peak_resident_bytes"] / 2**20
            for name, peer in peers.items():
                answer = peer.measure(model, attention, options.seconds)
                cell[name].append(statistics.median(answer["ms"]))
                peak[attention][name] = answer["peak_mib"]
        for peer in peers.values():
            peer.close()
        for attention, cell in cells.items():
            medians = {name: statistics.median(times) for name, times in cell.items()}
            rows.append({"model": model, "attention": attention, "threads": threads, "ms": medians,
                         "peak_mib": peak[attention], "load": os.getloadavg()[0]})
            print_row(rows[-1], options.peers)
    return rows


def print_header(peers):
    print(f"{'model':6}{'attention':10}{'thr':>4}{'lockstep ms':>13}" + "".join(f"{name:>11}" for name in peers) +
          f"{'floor ms':>11}{'to floor':>10}{'faster':>9}{'than eager':>12}{'MiB':>7}" +
          "".join(f"{name:>9}" for name in peers) + f"{'load':>6}")


def print_row(row, peers):
    ms, peak = row["ms"], row["peak_mib"]
    fastest = min((ms[name] for name in peers), default=float("nan"))
    print(f"{row['model']:6}{row['attention']:10}{row['threads']:>4}{ms['lockstep']:>13.2f}" +
          "".join(f"{ms[name]:>11.2f}" for name in peers) +
          f"{ms['floor']:>11.2f}{ms['lockstep'] / ms['floor']:>10.2f}{fastest / ms['lockstep']:>9.2f}" +
          f"{ms.get('eager', float('nan')) / ms['lockstep']:>12.2f}{peak['lockstep']:>7.0f}" +
          "".join(f"{peak[name]:>9.0f}" for name in peers) + f"{row['load']:>6.1f}", flush=True)


def main():
    words = lambda text: text.split(",")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lockstep")
    parser.add_argument("--models", type=words, default=["toy", "copy", "char", "baby"])
    parser.add_argument("--threads", type=words, default=["1", "2"])
    parser.add_argument("--peers", type=words, default=["eager", "compile", "jax"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1)
    parser.add_argument("--json")
    options = parser.parse_args()
    print_header(options.peers)
    rows = [row for threads in options.threads for row in compare(options, int(threads))]
    if options.json:
        with open(options.json, "w") as file:
            json.dump(rows, file, indent=1)


main()
