"""Attention alone, forward and backward: Lockstep beside PyTorch's fused kernel, in turn in the same minutes.

usage: compare_attention.py LOCKSTEP [--tokens 64,256,1024,4096,16384] [--head-sizes 16,32,64] [--heads 4]
                            [--threads 1] [--rounds 3] [--seconds 0.5] [--json FILE]
LOCKSTEP is the program, say build/release/bin/lockstep. Wants a Python with torch. "faster" is PyTorch's time over
Lockstep's, medians over all rounds; MiB is what each takes beyond its inputs, their gradients and the output's."""
import argparse
import json
import statistics
import subprocess
import time

import torch
from torch.nn import functional


def lockstep(options, tokens, size, causal):
    command = [options.lockstep, "bench", "attention", "--tokens", str(tokens), "--head-sizes", str(size),
               "--heads", str(options.heads), "--mask", "causal" if causal else "none", "--threads",
               str(options.threads), "--seconds", str(options.seconds), "--json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["attention"][0]


def peer(options, tokens, size, causal):
    q, k, v, dy = torch.randn(4, 1, options.heads, tokens, size)
    for x in (q, k, v):
        x.requires_grad_()

    def step():
        q.grad = k.grad = v.grad = None
        functional.scaled_dot_product_attention(q, k, v, is_causal=causal).backward(dy)

    step()
    times, end = [], time.perf_counter() + options.seconds
    while len(times) < 2 or time.perf_counter() < end:
        start = time.perf_counter()
        step()
        times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times)


def main():
    numbers = lambda text: [int(word) for word in text.split(",")]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lockstep")
    parser.add_argument("--tokens", type=numbers, default=[64, 256, 1024, 4096, 16384])
    parser.add_argument("--head-sizes", type=numbers, default=[16, 32, 64])
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--json")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(f"{'tokens':>7}{'head':>6}{'mask':>8}{'thr':>5}{'lockstep ms':>13}{'pytorch ms':>12}{'faster':>8}"
          f"{'GFLOP/s':>9}{'MiB':>8}")
    rows = []
    for causal in (True, False):
        for size in options.head_sizes:
            for tokens in options.tokens:
                own, other = [], []
                for _ in range(options.rounds):
                    own.append(lockstep(options, tokens, size, causal))
                    other.append(peer(options, tokens, size, causal))
                ms, peer_ms = statistics.median(x["both_ms"] for x in own), statistics.median(other)
                rows.append({"tokens": tokens, "head_size": size, "causal": causal, "threads": options.threads,
                             "lockstep_ms": ms, "pytorch_ms": peer_ms, "gflops": own[0]["gflops"],
                             "memory_bytes": own[-1]["memory_bytes"]})
                print(f"{tokens:>7}{size:>6}{'causal' if causal else 'none':>8}{options.threads:>5}{ms:>13.3f}"
                      f"{peer_ms:>12.3f}{peer_ms / ms:>8.2f}{own[0]['gflops']:>9.1f}"
                      f"{own[-1]['memory_bytes'] / 2**20:>8.1f}", flush=True)
    if options.json:
        with open(options.json, "w") as file:
            json.dump(rows, file, indent=1)


main()
