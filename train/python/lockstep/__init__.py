"""Lockstep in Python: its tensors, models and traces, and what its trainings and studies left behind.

    import lockstep as ls
    model, batch = ls.open("out/train-copy"), ls.validation("copy", size=8)
    with ls.Trace("blocks.*.attn.weights") as trace:
        logits = model(batch[0])
    trace["blocks.1.attn.weights"].numpy()  # (batch, heads, queries, keys), the tensor's own memory

    study = ls.read("out/default")
    study.contrasts[study.contrasts.primary == 1][["task", "cause", "verdict", "effect_percent"]]
"""
import numpy

from ._lockstep import *  # noqa: F401, F403
from ._lockstep import from_numpy
from .contexts import Trace, evaluation, no_grad  # noqa: F401
from .files import open, read  # noqa: F401

_NAMES = {"f32": numpy.float32, "f64": numpy.float64, "i64": numpy.int64, "u8": numpy.uint8}


def tensor(data, dtype=None, requires_grad=False):
    """A tensor with a copy of the data. Real numbers become f32 and whole ones i64, unless dtype says otherwise; an
    array keeps its type. from_numpy() shares the array's memory instead."""
    array = numpy.array(data)
    if dtype is not None:
        array = array.astype(_NAMES[dtype])
    elif not isinstance(data, numpy.ndarray):
        array = array.astype({"f": numpy.float32, "i": numpy.int64}.get(array.dtype.kind, array.dtype))
    return from_numpy(array, requires_grad)
