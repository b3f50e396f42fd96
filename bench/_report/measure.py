"""One solver call under pytest-benchmark: how often it runs, and what is noted about it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import fastpid

#: A call that takes longer is not repeated, and its case is left out.
GUARD_SECONDS = 60.0


class TooSlowError(Exception):
    """A single call took longer than GUARD_SECONDS."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"one call took {seconds:.0f} s")


def measure(
    benchmark: Any,
    solve: Callable[[], fastpid.Decomposition],
    *,
    budget: float = 1.0,
    warm: bool = True,
) -> list[fastpid.Decomposition]:
    """Run a solver under pytest-benchmark and return every answer that it timed.

    Parameters
    ----------
    budget : float
        Seconds for the repetitions of a call that takes less than a second.
    warm : bool
        Call once beforehand, which warms caches up and says how many repetitions the budget
        allows. Without, a single call is timed: for solvers that take seconds.
    """
    answers: list[fastpid.Decomposition] = []

    def timed() -> None:
        answers.append(solve())

    rounds = iterations = 1
    if warm:
        started = time.perf_counter()
        solve()
        once = time.perf_counter() - started
        if once > GUARD_SECONDS:
            raise TooSlowError(once)
        rounds = max(1, min(50, int(budget / once))) if once < 1.0 else (3 if once < 3.0 else 1)
        iterations = max(1, min(50, int(0.005 / once)))
    benchmark.pedantic(timed, rounds=rounds, iterations=iterations)
    return answers


def median_seconds(benchmark: Any) -> float | None:
    """Return the median of what was timed; None under --benchmark-disable."""
    return None if benchmark.stats is None else float(benchmark.stats.stats.median)


def note(
    benchmark: Any, shape: tuple[int, ...], answer: fastpid.Decomposition, **more: Any
) -> None:
    """Put size, gap and iterations (the largest of a batch) into pytest-benchmark's records."""
    benchmark.extra_info.update(
        shape=shape,
        size=int(np.prod(shape)),
        gap=float(np.max(answer.gap)),
        iterations=int(np.max(answer.iterations)),
        **more,
    )


class Reference:
    """Something simple to hold a time against, timed right before and after it.

    The clock of a shared machine moves within a run: what is compared must be close in time.
    """

    def __init__(self, call: Callable[[], Any]) -> None:
        self._call = call
        self._times: list[float] = []
        call()

    def sample(self, seconds: float = 0.2, least: int = 3) -> None:
        """Time the call for that long, at least so many times."""
        end = time.perf_counter() + seconds
        taken: list[float] = []
        while len(taken) < least or time.perf_counter() < end:
            started = time.perf_counter()
            self._call()
            taken.append(time.perf_counter() - started)
        self._times += taken

    @property
    def seconds(self) -> float:
        """The median of all samples."""
        return statistics.median(self._times)


def interleave(first: Callable[[], Any], second: Callable[[], Any], seconds: float) -> tuple:
    """Medians of two calls timed in turns: the clock of a shared machine moves."""
    taken: tuple[list[float], list[float]] = ([], [])
    first(), second()
    end = time.perf_counter() + seconds
    while len(taken[0]) < 5 or time.perf_counter() < end:
        for call, times in zip((first, second), taken, strict=True):
            started = time.perf_counter()
            call()
            times.append(time.perf_counter() - started)
    return tuple(statistics.median(times) for times in taken)
