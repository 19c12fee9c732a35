"""The event file of lockstep train, read by TensorBoard itself: python3 tensorboard_reads_it.py PROGRAM

Needs python's tensorboard; without it, it says so and ends with 77, which ctest shows as "skipped".
"""
import csv
import pathlib
import subprocess
import sys
import tempfile

try:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
except ImportError:
    print("tensorboard_reads_it did not run: tensorboard is missing (pip install tensorboard)")
    sys.exit(77)

SMALL = ["--task", "copy", "--layers", "1", "--width", "8", "--heads", "2", "--mlp", "8", "--batch", "4", "--every", "5",
         "--schedule", "constant"]


def train(out, *more):
    subprocess.run([sys.argv[1], "train", *SMALL, "--out", str(out), *more], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)


def main():
    with tempfile.TemporaryDirectory() as name:
        out = pathlib.Path(name) / "run"
        train(out, "--steps", "20", "--tensorboard")
        accumulator = EventAccumulator(str(out))
        accumulator.Reload()
        assert [e.step for e in accumulator.Scalars("training_loss")] == list(range(20))
        train(out, "--steps", "35", "--resume")  # the file is there: it goes on
        accumulator.Reload()  # and who has read the beginning reads the rest
        assert [e.step for e in accumulator.Scalars("training_loss")] == list(range(35))
        validations = accumulator.Scalars("validation_loss")
        with open(out / "metrics.csv", newline="") as file:
            rows = [(int(row["step"]), float(row["validation_loss"])) for row in csv.DictReader(file)]
        assert [e.step for e in validations] == [step for step, _ in rows]
        assert all(abs(e.value - loss) < 1e-6 * loss for e, (_, loss) in zip(validations, rows))
        times = [e.wall_time for e in accumulator.Scalars("training_loss")]
        assert times == sorted(times) and times[0] > 1.7e9
    print("passed")


if __name__ == "__main__":
    main()
