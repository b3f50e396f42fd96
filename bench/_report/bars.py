"""The bars that figures are held against. Times are reported against theirs, never asserted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from grid import COMPACT
from results import GradientTiming, Results, Timing
from text import rate, ratio, rows, seconds

#: MB that a call may take above its input; these are asserted.
MEMORY = {"soft 309x309x309": 50.0, "dense 1000x1000x10": 100.0}


@dataclass(frozen=True)
class Bar:
    """A figure and its bar.

    Attributes
    ----------
    measured : callable
        (Results, threads) -> the figure, or None where the run has not measured it.
    text : callable
        How the figure and the bar are written.
    at_least : bool
        The bar is a lower limit rather than an upper one.
    threads : tuple of int
        For which numbers of threads it is looked at.
    """

    figure: str
    bound: float
    measured: Callable[[Results, int], float | None]
    text: Callable[[float], str]
    at_least: bool = False
    threads: tuple[int, ...] = (1, 2)

    def met(self, value: float) -> bool:
        """Say whether a figure meets the bar."""
        return value >= self.bound if self.at_least else value <= self.bound


def _megabytes(value: float) -> str:
    return f"{value:.3g} MB"


def _percent(value: float) -> str:
    return f"{value:.0%}"


def _rate(shape: str) -> Callable[[Results, int], float | None]:
    """Tables per second on the largest batch, which is the one that two threads are given."""

    def measured(results: Results, threads: int) -> float | None:
        rates = {
            r.batch: r.per_second
            for r in results.throughput
            if (r.shape, r.solver, r.threads) == (shape, "fastpid", threads)
        }
        return rates[max(rates)] if rates else None

    return measured


def _second_thread(shape: str) -> Callable[[Results, int], float | None]:
    def measured(results: Results, threads: int) -> float | None:
        for r in results.throughput:
            if (r.shape, r.threads) == (shape, threads):
                return r.per_second / r.one_thread
        return None

    return measured


def _speed_up(problem: str) -> Callable[[Results, int], float | None]:
    def measured(results: Results, threads: int) -> float | None:
        found = {r.comparator: r.seconds for r in results.speed if r.problem == problem}
        ours, theirs = found.get("auto"), found.get(COMPACT)
        return theirs / ours if ours and theirs else None

    return measured


def _large(
    name: str, tol: float, figure: Callable[[Timing], float]
) -> Callable[[Results, int], float | None]:
    def measured(results: Results, threads: int) -> float | None:
        for t in results.scaling:
            if (t.series, t.name, t.tol, t.threads) == ("large", name, tol, threads):
                return figure(t)
        return None

    return measured


def _memory(name: str) -> Callable[[Results, int], float | None]:
    def measured(results: Results, threads: int) -> float | None:
        above = [peak.above / 1e6 for peak in results.memory if peak.name == name]
        return above[0] if above else None

    return measured


def _time(timing: Timing) -> float:
    return timing.seconds


def _against(timing: Timing) -> float:
    return timing.seconds / timing.reference_seconds


def _bandwidth(timing: Timing) -> float:
    """Bytes of the table per second against those of a copy of it."""
    return timing.reference_seconds / timing.seconds


def _gradient(
    name: str, figure: Callable[[GradientTiming], float]
) -> Callable[[Results, int], float | None]:
    def measured(results: Results, threads: int) -> float | None:
        for t in results.gradients:
            if t.name == name and (t.solver == "fastpid") == (t.reference != "fastpid"):
                return figure(t)
        return None

    return measured


def _estimate(name: str) -> Callable[[Results, int], float | None]:
    def measured(results: Results, threads: int) -> float | None:
        found = [t.seconds for t in results.estimates if (t.name, t.threads) == (name, threads)]
        return found[0] if found else None

    return measured


def _over_reference(timing: GradientTiming) -> float:
    return timing.seconds / timing.reference_seconds


def _above_reference(timing: GradientTiming) -> float:
    return timing.seconds - timing.reference_seconds


ONE, TWO = (1,), (2,)
SOFT31, SOFT309 = "soft 31x31x31", "soft 309x309x309"
OVER_COMPACT = "speed-up over compact CLARABEL"

BARS = (
    Bar("2x2x2, tables/s", 500_000, _rate("2x2x2"), rate, True, ONE),
    Bar("3x3x3, tables/s", 150_000, _rate("3x3x3"), rate, True, ONE),
    Bar("3x3x3, two threads over one", 1.8, _second_thread("3x3x3"), ratio, True, TWO),
    Bar(f"10x10x10, {OVER_COMPACT}", 40, _speed_up("dense 10x10x10"), ratio, True, ONE),
    Bar(f"20x20x10, {OVER_COMPACT}", 80, _speed_up("dense 20x20x10"), ratio, True, ONE),
    Bar(f"50x50x10, {OVER_COMPACT}", 60, _speed_up("dense 50x50x10"), ratio, True, ONE),
    Bar("100x100x10 at 1e-8", 1.0, _large("dense 100x100x10", 1e-8, _time), seconds),
    Bar(f"{SOFT31} at 1e-9", 0.15, _large(SOFT31, 1e-9, _time), seconds),
    Bar(f"{SOFT31} at 1e-3, over the proxy", 100, _large(SOFT31, 1e-3, _against), ratio),
    Bar(f"{SOFT309} at 1e-3, over numpy's marginals", 8, _large(SOFT309, 1e-3, _against), ratio),
    Bar(f"{SOFT309} at 1e-5, over numpy's marginals", 25, _large(SOFT309, 1e-5, _against), ratio),
    Bar(
        "2000x2000x2, bandwidth against np.copyto",
        0.3,
        _large("dense 2000x2000x2", 1e-9, _bandwidth),
        _percent,
        True,
    ),
    Bar(
        "64 tables 10x10x10, forward and backward over forward",
        1.3,
        _gradient("64 tables 10x10x10, forward and backward", _over_reference),
        _percent,
        threads=ONE,
    ),
    Bar(
        "6x6x6, one tensor, above the kernel",
        60e-6,
        _gradient("6x6x6, one call", _above_reference),
        seconds,
        threads=ONE,
    ),
    *(
        Bar(
            f"training step with a PID term, table {table}, {when}, over one without",
            limit,
            _gradient(f"training step with a PID term, table {table}, {when}", _over_reference),
            _percent,
            threads=ONE,
        )
        for table, limit in (("averaged", 1.15), ("the batch's own", 1.5))
        for when in ("first steps", "later")
    ),
    *(
        Bar(
            f"gradient, {shape}: other ways over fastpid",
            100,
            _gradient(f"gradient, {shape}", _over_reference),
            ratio,
            True,
            ONE,
        )
        for shape in ("3x3x3", "6x6x6")
    ),
    *(
        Bar(f"{name}, a default estimate", 1.5, _estimate(name), seconds, threads=TWO)
        for name in ("5,000 samples, 10x10x10", "1,000,000 samples, 5x5x5")
    ),
    *(
        Bar(f"{n}, memory above the input", mb, _memory(n), _megabytes, False, TWO)
        for n, mb in MEMORY.items()
    ),
)


def _verdict(bar: Bar, values: dict[int, float]) -> str:
    met = [threads for threads, value in values.items() if bar.met(value)]
    if len(met) == len(values):
        return "met"
    return f"met on {met[0]} only" if met else "**missed**"


def markdown(results: Results) -> list[str]:
    """Return every bar whose figure was measured, next to the figure."""
    body = []
    for bar in BARS:
        found = {threads: bar.measured(results, threads) for threads in bar.threads}
        values = {threads: value for threads, value in found.items() if value is not None}
        if values:
            cells = [bar.text(values[n]) if n in values else "" for n in (1, 2)]
            bound = ("at least " if bar.at_least else "at most ") + bar.text(bar.bound)
            body.append([bar.figure, bound, *cells, _verdict(bar, values)])
    return rows(["figure", "bar", "one thread", "two threads", ""], body) if body else []
