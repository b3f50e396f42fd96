"""Peak memory of one decompose() above its input: a program of its own, for a fresh process.

    python peak.py TABLE.npy TOL THREADS

prints a line of JSON. The table is read from a file because building it would leave a peak, and
freed memory, of its own behind.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np

import fastpid


def high_water() -> int:
    """Return the largest resident size so far, in bytes.

    Not getrusage()'s ru_maxrss, which a process takes over from the one that started it: after
    pytest has held a large table, nothing in its children would show.
    """
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise OSError("no VmHWM in /proc/self/status")


def main(path: str, tol: str, threads: str) -> None:
    p = np.load(path)
    before = high_water()
    started = time.perf_counter()
    answer = fastpid.decompose(p, tol=float(tol), threads=int(threads), on_failure="ignore")
    seconds = time.perf_counter() - started
    found = {
        "above": high_water() - before,
        "seconds": seconds,
        "gap": float(answer.gap),
        "iterations": int(answer.iterations),
        "converged": bool(answer.converged),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
