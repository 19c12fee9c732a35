"""The reference models of `lockstep bench` on a GPU in PyTorch (eager, and as a CUDA graph: torch.compile's
reduce-overhead mode) and in JAX (jit, and many trainings at once by vmap), f32 without TF32.
usage: gpu_peers.py [SECONDS] [MODEL ...]
Prints a line for each as it is known: framework, model, ms a step (median), or steps/s of all for many at once."""
import os
import statistics
import sys
import time

os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 1
MODELS = sys.argv[2:] or ["copy", "char", "toy", "baby"]


def median_ms(step, seconds=SECONDS, warm=4):
    for _ in range(warm):
        step()
    times, end = [], time.perf_counter() + seconds
    while len(times) < 5 or time.perf_counter() < end:
        start = time.perf_counter()
        step()
        times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times)


def report(framework, name, text):
    print(f"{framework:<24}{name:<6}{text}", flush=True)


def torch_models():
    import torch

    import models_torch

    torch.set_default_device("cuda")
    for name in MODELS:
        for framework in ("torch eager", "torch CUDA graph", "torch CUDA graph tf32"):
            torch.backends.cuda.matmul.allow_tf32 = framework.endswith("tf32")
            training = models_torch.Training(name, True, False)
            if framework != "torch eager":
                step = captured(torch, training)
            else:
                def step(training=training):
                    loss = training.loss(training.inputs, training.targets)
                    loss.backward()
                    training.optimizer.step()
                    training.optimizer.zero_grad()
                    loss.item()
            report(framework, name, f"{median_ms(step):.3f} ms")


def captured(torch, training):
    """The whole step, forward to update, as one graph: what PyTorch can do at best."""
    training.optimizer = torch.optim.AdamW(training.optimizer.param_groups[0]["params"], lr=1e-3, weight_decay=0.01,
                                           fused=True, capturable=True)

    def work():
        training.optimizer.zero_grad(set_to_none=True)
        loss = training.loss(training.inputs, training.targets)
        loss.backward()
        training.optimizer.step()
        return loss

    side = torch.cuda.Stream()
    with torch.cuda.stream(side):
        for _ in range(3):
            work()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        loss = work()

    def step():
        graph.replay()
        loss.item()
    return step


def jax_models():
    import jax

    jax.config.update("jax_default_matmul_precision", "highest")
    from models_jax import Training
    # The most telling first: JAX compiles for so long that the last may find no time.
    for runs in (128, 32):
        for name in MODELS:
            if name == "baby":
                continue
            many = Training(name, True, runs)
            ms = median_ms(many.step)
            report(f"jax vmap of {runs}", name, f"{ms:.3f} ms  {1e3 * runs / ms:.0f} steps/s")
    for name in MODELS:
        training = Training(name, True)
        report("jax jit", name, f"{median_ms(training.step):.3f} ms")


for part in (torch_models, jax_models):
    try:
        part()
    except ImportError as error:
        print(f"left out: {error}", flush=True)
