"""A section of the report per suite, beside the speed-up table."""

from __future__ import annotations

from collections.abc import Iterable

import gaps
from grid import COMPACT, LIMIT_SECONDS
from results import EstimateTiming, GradientTiming, Peak, Rate, Results, Timing
from text import rate, ratio, rows, seconds


def _throughput(rates: list[Rate]) -> list[str]:
    batches = sorted({r.batch for r in rates})
    body = []
    for shape in dict.fromkeys(r.shape for r in rates):
        ours = [r for r in rates if (r.shape, r.solver) == (shape, "fastpid")]
        one = {r.batch: rate(r.per_second) for r in ours if r.threads == 1}
        two = [
            f"{rate(r.per_second)} ({ratio(r.per_second / r.one_thread)})"
            for r in ours
            if r.threads == 2
        ]
        peer = [f"{r.per_second:.3g}" for r in rates if (r.shape, r.solver) == (shape, COMPACT)]
        cells = [one.get(batch, "") for batch in batches]
        body.append([shape, *cells, *(two or [""]), *(peer or [""])])
    head = ["dense", *(f"{b:,}" for b in batches), "two threads, the largest", COMPACT]
    return [
        "Tables per second on one thread by size of the batch, at 1e-9 bit; in brackets, two "
        "threads over one. Compact CLARABEL takes tables one at a time.",
        "",
        *rows(head, body),
    ]


def _growing(timings: list[Timing]) -> list[str]:
    body = []
    found = {(t.series, t.name, t.solver): t for t in timings}
    for series, name in dict.fromkeys((t.series, t.name) for t in timings):
        ours = found.get((series, name, "fastpid"))
        peer = found.get((series, name, COMPACT))
        cells = [seconds(ours.seconds), str(ours.iterations)] if ours else ["", ""]
        cells += [seconds(peer.seconds) if peer else ""]
        cells += [ratio(peer.seconds / ours.seconds) if peer and ours else ""]
        body.append([series, name, *cells])
    return [
        "Dense tables at 1e-9 bit on one thread; compact CLARABEL where it takes less than "
        f"{LIMIT_SECONDS} s.",
        "",
        *rows(["series", "table", "fastpid", "steps", COMPACT, "speed-up"], body),
    ]


def _large(timings: list[Timing]) -> list[str]:
    found = {(t.name, t.tol, t.threads): t for t in timings}

    def cell(timing: Timing | None) -> str:
        if timing is None:
            return ""
        against = timing.reference_seconds and timing.seconds / timing.reference_seconds
        return seconds(timing.seconds) + (f" ({ratio(against)})" if against else "")

    body = []
    for name, tol in dict.fromkeys((t.name, t.tol) for t in timings):
        one, two = found.get((name, tol, 1)), found.get((name, tol, 2))
        any_of = one or two
        assert any_of is not None
        reference = ""
        if any_of.reference:
            reference = f"{any_of.reference}: {seconds(any_of.reference_seconds)}"
        body.append(
            [
                name,
                f"{tol:.0e}",
                cell(one),
                cell(two),
                f"{any_of.gap:.0e}",
                str(any_of.iterations),
                reference,
            ]
        )
    head = ["table", "tol", "one thread", "two threads", "gap (bit)", "steps", "held against"]
    return ["In brackets: the time over that of the reference.", "", *rows(head, body)]


def _memory(peaks: list[Peak]) -> list[str]:
    body = [
        [p.name, f"{p.table / 1e6:,.1f} MB", f"{p.above / 1e6:.1f} MB", seconds(p.seconds)]
        for p in peaks
    ]
    head = ["table", "input", "peak above it", "time"]
    return ["One call on two threads in a fresh process.", "", *rows(head, body)]


def _gradients(timings: list[GradientTiming]) -> list[str]:
    body = [
        [
            t.name,
            t.solver,
            seconds(t.seconds),
            f"{t.error:.0e}" if t.error else "",
            f"{t.reference}: {seconds(t.reference_seconds)}",
            f"{t.seconds / t.reference_seconds:.2f} x",
        ]
        for t in timings
    ]
    head = ["what", "by", "time", "error of the gradient", "held against", "ratio"]
    return ["On one thread, timed in turns with what each is held against.", "", *rows(head, body)]


def _estimates(timings: list[EstimateTiming]) -> list[str]:
    body = [
        [
            t.name,
            f"{t.samples:,}",
            str(t.threads),
            seconds(t.seconds),
            f"{t.gap:.0e}",
            seconds(t.tight_seconds),
            f"{t.tight_seconds / t.seconds:.1f} x",
            f"{t.difference:.0e}",
        ]
        for t in timings
    ]
    head = ["estimate", "samples", "threads", "time", "largest gap"]
    head += ["time at 1e-9", "ratio", "difference / standard error"]
    said = "Default calls, timed in turns with resamples solved to 1e-9 bit instead."
    return [said, "", *rows(head, body)]


def _section(title: str, lines: Iterable[str]) -> list[str]:
    return [f"## {title}", "", *lines, ""]


def markdown(results: Results) -> list[str]:
    """Return the sections of the suites that ran."""
    growing = [t for t in results.scaling if t.series != "large"]
    large = [t for t in results.scaling if t.series == "large"]
    lines: list[str] = []
    if results.throughput:
        lines += _section("Throughput", _throughput(results.throughput))
    if growing:
        lines += _section("Scaling", _growing(growing))
    if large:
        lines += _section("Large tables", _large(large))
    if results.memory:
        lines += _section("Memory", _memory(results.memory))
    if results.gaps:
        said = "Time on one thread and, in brackets, the gap that was reached, in bits."
        lines += _section("Gap against time", [said, "", *gaps.markdown(results.gaps)])
    if results.gradients:
        lines += _section("Gradients", _gradients(results.gradients))
    if results.estimates:
        lines += _section("Estimates", _estimates(results.estimates))
    if results.notes:
        lines += _section("Notes", [f"* {note}" for note in results.notes])
    return lines
