"""lockstep-mpi on more ranks than there are here: rank 0 as one server, with the times that rank0_cost measured.

usage: python3 tests/mpi/scaling.py [--service US] [--new US] [--there US] [--way US] [--run SECONDS] [--runs-each N]

Every rank trains, sends its result, and waits for its next run. Rank 0 serves one result after the other in `service`
microseconds (unpack, store, take, pack and MPI's calls), and now and then writes study.h5, which takes `new` for each
run since the last time and `there` for each run in it, and holds up everything else; between two writes it pauses as
StudyStore does. A letter takes `way` microseconds, and a rank that waits looks every 20 us to 2 ms for its order, a
tenth of the time it has waited.
"""
import argparse
import heapq
import random


def pause_after(write):
    """As in StudyStore::write_locked: seconds until the next write."""
    return max(min(1.0, 50 * write), 4 * write)


def simulate(ranks, run_seconds, runs_each, service, write_new, write_there, way, seed=0):
    """Share of ranks x time that is spent in training, share of its time that rank 0 is at work, longest write."""
    draw = random.Random(seed)
    duration = lambda: run_seconds * draw.uniform(0.9, 1.1)
    arrivals, trained = [], 0.0
    for rank in range(ranks):
        first = duration()
        trained += first
        heapq.heappush(arrivals, (first + way, rank))
    left = ranks * (runs_each - 1)
    free_at = busy = done = end = 0.0
    next_write, longest, written = 0.0, 0.0, 0
    while arrivals:
        arrived, rank = heapq.heappop(arrivals)
        start = max(arrived, free_at)
        free_at = start + service
        busy += service
        done += 1
        if free_at >= next_write:
            write = write_new * (done - written) + write_there * done
            written = done
            free_at += write
            busy += write
            longest = max(longest, write)
            next_write = free_at + pause_after(write)
        end = max(end, free_at)
        if left > 0:
            left -= 1
            waited = free_at + way - arrived
            noticed = free_at + way + min(max(waited / 10, 20e-6), 2e-3)
            took = duration()
            trained += took
            heapq.heappush(arrivals, (noticed + took + way, rank))
    return trained / (ranks * end), busy / end, longest


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--service", type=float, default=80, help="us that rank 0 works for a run")
    options.add_argument("--new", type=float, default=510, help="us to write a run into study.h5")
    options.add_argument("--there", type=float, default=9, help="us for each run that study.h5 holds, in each write")
    options.add_argument("--way", type=float, default=50, help="us of a letter")
    options.add_argument("--run", type=float, default=1, help="seconds of a run")
    options.add_argument("--runs-each", type=int, default=50, help="runs for each rank")
    given = options.parse_args()
    print(f"runs of {given.run:g} s, {given.runs_each} for each rank; rank 0: {given.service:g} us a run, "
          f"study.h5 {given.new:g} us for each new one, {given.there:g} us for each there is")
    print("ranks   training   rank 0 at work   longest write")
    for ranks in (4, 16, 64, 256, 1000, 2000, 4000):
        training, busy, longest = simulate(ranks, given.run, given.runs_each, given.service * 1e-6,
                                           given.new * 1e-6, given.there * 1e-6, given.way * 1e-6)
        print(f"{ranks:5}   {training:8.1%}   {busy:14.1%}   {longest:11.2f} s")


if __name__ == "__main__":
    main()
