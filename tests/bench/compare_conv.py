"""Convolutions, forward and backward: Lockstep beside PyTorch, in turn in the same minutes.

usage: compare_conv.py CONV_BENCH [--threads 1] [--rounds 3] [--seconds 0.5] [--only PART_OF_A_NAME]
CONV_BENCH is the program (ninja conv_bench). Wants a Python with torch. Medians over all rounds, f32; "ratio" is
Lockstep's time over PyTorch's."""
import argparse
import statistics
import subprocess
import time

import torch
from torch.nn import functional

# name, images, in, out, groups, stride, padding, dilation, size, window
SHAPES = [
    ("3x3 64", 4, 64, 64, 1, 1, 1, 1, (56, 56), (3, 3)),
    ("3x3 128", 4, 128, 128, 1, 1, 1, 1, (28, 28), (3, 3)),
    ("3x3 256", 4, 256, 256, 1, 1, 1, 1, (14, 14), (3, 3)),
    ("3x3 512", 4, 512, 512, 1, 1, 1, 1, (7, 7), (3, 3)),
    ("3x3 512 one", 1, 512, 512, 1, 1, 1, 1, (14, 14), (3, 3)),
    ("3x3 128 s2", 4, 64, 128, 1, 2, 1, 1, (56, 56), (3, 3)),
    ("3x3 512 s2", 4, 256, 512, 1, 2, 1, 1, (14, 14), (3, 3)),
    ("3x3 256 d2", 4, 256, 256, 1, 1, 2, 2, (14, 14), (3, 3)),
    ("1x1 64-256", 4, 64, 256, 1, 1, 0, 1, (56, 56), (1, 1)),
    ("1x1 256-64", 4, 256, 64, 1, 1, 0, 1, (56, 56), (1, 1)),
    ("1x1 512-128", 4, 512, 128, 1, 1, 0, 1, (28, 28), (1, 1)),
    ("1x1 2048-512", 4, 2048, 512, 1, 1, 0, 1, (7, 7), (1, 1)),
    ("1x1 512 s2", 4, 256, 512, 1, 2, 0, 1, (56, 56), (1, 1)),
    ("stem 7x7", 4, 3, 64, 1, 2, 3, 1, (112, 112), (7, 7)),
    ("3d 64", 1, 64, 64, 1, 1, 1, 1, (24, 24, 24), (3, 3, 3)),
    ("3d 32", 1, 32, 32, 1, 1, 1, 1, (48, 48, 48), (3, 3, 3)),
    ("3d patch 16", 1, 1, 768, 1, 16, 0, 1, (96, 96, 96), (16, 16, 16)),
    ("2d patch 16", 4, 3, 768, 1, 16, 0, 1, (224, 224), (16, 16)),
    ("1d 256", 4, 256, 256, 1, 1, 2, 1, (400,), (5,)),
    ("groups 32", 4, 256, 256, 32, 1, 1, 1, (14, 14), (3, 3)),
    ("depthwise 256", 4, 256, 256, 256, 1, 1, 1, (28, 28), (3, 3)),
    ("depthwise s2", 4, 256, 256, 256, 2, 1, 1, (28, 28), (3, 3)),
]


def median_times(shape, seconds):
    _, images, inputs, outputs, groups, stride, padding, dilation, size, window = shape
    x = torch.randn(images, inputs, *size, requires_grad=True)
    weight = torch.randn(outputs, inputs // groups, *window, requires_grad=True)
    bias = torch.randn(outputs, requires_grad=True)
    conv = (functional.conv1d, functional.conv2d, functional.conv3d)[len(size) - 1]
    dy = torch.randn_like(conv(x, weight, bias, stride, padding, dilation, groups))
    forward, backward, begin = [], [], time.perf_counter()
    while len(forward) < 3 or time.perf_counter() < begin + seconds:
        x.grad = weight.grad = bias.grad = None
        start = time.perf_counter()
        y = conv(x, weight, bias, stride, padding, dilation, groups)
        middle = time.perf_counter()
        y.backward(dy)
        forward.append(1e3 * (middle - start))
        backward.append(1e3 * (time.perf_counter() - middle))
    return statistics.median(forward), statistics.median(backward)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("conv_bench")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    own = subprocess.Popen([options.conv_bench, str(options.threads)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                           text=True)
    print(f"PyTorch {torch.__version__}, {options.threads} thread(s); ms, and Lockstep's over PyTorch's")
    print(f"{'':<14}{'forward':>18}{'ratio':>7}{'backward':>18}{'ratio':>7}{'GFLOP/s':>15}")
    for shape in SHAPES:
        name, images, inputs, outputs, groups, *places, size, window = shape
        if options.only not in name:
            continue
        join = lambda numbers: ",".join(map(str, numbers))
        line = " ".join(map(str, [options.seconds, *shape[1:8], join(size), join(window)]))
        ours, theirs = [], []
        for _ in range(options.rounds):
            own.stdin.write(line + "\n")
            own.stdin.flush()
            ours.append([float(word) for word in own.stdout.readline().split()])
            theirs.append(median_times(shape, options.seconds))
        (f, b), (tf, tb) = ([statistics.median(column) for column in zip(*rows)] for rows in (ours, theirs))
        stride, padding, dilation = places
        work = 2e-6 * images * outputs * inputs / groups
        for s, w in zip(size, window):
            work *= w * ((s + 2 * padding - dilation * (w - 1) - 1) // stride + 1)
        print(f"{name:<14}{f:>9.2f}{tf:>9.2f}{f / tf:>7.2f}{b:>9.2f}{tb:>9.2f}{b / tb:>7.2f}{work / f:>8.0f}"
              f"{2 * work / b:>7.0f}", flush=True)


main()
