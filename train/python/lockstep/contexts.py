"""What holds within a with-block: no_grad(), evaluation() and Trace."""
import contextlib

from . import _lockstep as core


@contextlib.contextmanager
def _during(guard):
    alive = [guard()]
    try:
        yield
    finally:
        alive.clear()  # at once, whoever else holds this frame


def no_grad():
    """with no_grad(): nothing is recorded."""
    return _during(core.NoGradGuard)


def evaluation():
    """with evaluation(): no dropout."""
    return _during(core.EvaluationGuard)


class Trace:
    """with Trace("blocks.*.attn.weights") as trace: what goes on under these names, * standing for any letters, is
    trace[name] then and afterwards. Without any name: all there are."""

    def __init__(self, *wanted):
        self._wanted, self._changes, self._alive, self._seen = list(wanted) or ["*"], [], None, {}

    def change(self, name, f):
        """What goes on under that name is f of it."""
        self._changes.append((name, f))
        if self._alive is not None:
            self._alive.change(name, f)

    def __enter__(self):
        self._alive = core.TraceGuard(self._wanted)
        for name, f in self._changes:
            self._alive.change(name, f)
        return self

    def __exit__(self, *_):
        self._seen.update((name, self._alive[name]) for name in self._alive.names())
        self._alive = None

    def keys(self):
        return self._alive.names() if self._alive is not None else list(self._seen)

    def __getitem__(self, name):
        if self._alive is not None:
            return self._alive[name]
        if name not in self._seen:
            raise core.LockstepError(f"nothing was traced under {name}: there is {', '.join(self._seen) or 'nothing'}")
        return self._seen[name]
