"""The report in Markdown: bars, the speed-up table, and a section per suite."""

from __future__ import annotations

import os
import platform
import shutil
import statistics
from importlib import metadata
from pathlib import Path

import bars
import numpy as np
import sections
from grid import ACCURATE, COMPACT, GRID, LIMIT_SECONDS, PUBLISHED
from results import Record, Results
from rich.console import Console
from rich.markdown import Markdown
from text import ratio as _ratio
from text import rows
from text import seconds as _time

import fastpid
from fastpid._solve.kernel import build_info


def machine() -> str:
    """Return a line on the processor and the versions."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        model = names[0].split(":")[1].strip() if names else model
    versions = ", ".join(
        f"{name} {metadata.version(name)}" for name in ("cvxpy", "clarabel", "scs")
    )
    return (
        f"{model}, {os.cpu_count()} cores; Python {platform.python_version()}, numpy "
        f"{np.__version__}, {versions}; fastpid {fastpid.__version__}, "
        f"{build_info()['instruction_set']}, {build_info()['compiler']}"
    )


def markdown(results: Results) -> str:
    """Return the whole report, of the suites that ran."""
    lines = [results.machine, ""]
    if results.speed:
        lines.append(speed(results.speed))
    measured = bars.markdown(results)
    if measured:
        lines += ["## Targets", "", *measured, ""]
    lines += sections.markdown(results)
    return "\n".join(lines).rstrip() + "\n"


def in_terminal(results: Results) -> str:
    """Return the report for a terminal: a table per suite, the speed-ups last."""
    lines = [results.machine, "", *sections.markdown(results)]
    if results.speed:
        lines += ["## Speed-up over CVXPY", "", *_short(results.speed)]
    width = shutil.get_terminal_size((100, 24)).columns
    console = Console(width=max(width, 100), color_system=None)
    with console.capture() as text:
        console.print(Markdown("\n".join(lines)))
    return "\n".join(line.rstrip() for line in text.get().splitlines())


def _short(records: list[Record]) -> list[str]:
    """Return the two baselines alone, in a table that fits a terminal."""
    found = {(r.problem, r.comparator): r for r in records}
    body = []
    for problem in GRID:
        ours = found.get((problem.name, "auto"))
        if ours is None:
            continue
        cells = [problem.name, _time(ours.seconds), f"{ours.gap:.0e}"]
        for name in (COMPACT, PUBLISHED):
            other = found.get((problem.name, name))
            missing = "over the limit" if name in problem.too_slow else "not run"
            cells += (
                [missing, ""]
                if other is None
                else [_time(other.seconds), _ratio(other.seconds / ours.seconds)]
            )
        body.append(cells)
    head = ["table", "fastpid", "gap (bit)", COMPACT, "speed-up", PUBLISHED, "speed-up"]
    return rows(head, body)


def speed(records: list[Record]) -> str:
    """Return the speed-ups: one row per problem, the ratios, and the medians per family."""
    found = {(r.problem, r.comparator): r for r in records}
    lines = [
        "Medians of whole calls on one thread. In brackets: against the time that the solver alone "
        "reports, without CVXPY's model building. `error` is that of the published model's union "
        "information in bits. Not run: more than "
        f"{LIMIT_SECONDS} s a solve.",
        "",
        "| table | fastpid | gap (bit) | steps | compact CLARABEL | speed-up | published (SCS) | "
        "speed-up | error | published, CLARABEL | speed-up |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    families: dict[str, dict[str, list[float]]] = {}
    for problem in GRID:
        ours = found.get((problem.name, "auto"))
        if ours is None:
            continue
        cells = [problem.name, _time(ours.seconds), f"{ours.gap:.0e}", str(ours.iterations)]
        for name in (COMPACT, PUBLISHED, ACCURATE):
            other = found.get((problem.name, name))
            if other is None:
                missing = "not run" if name in problem.too_slow else "-"
                cells += [missing, "-"] + (["-"] if name == PUBLISHED else [])
                continue
            ratio = other.seconds / ours.seconds
            families.setdefault(problem.family, {}).setdefault(name, []).append(ratio)
            alone = ""
            if other.solver_seconds is not None:
                alone = f" ({_ratio(other.solver_seconds / ours.seconds)})"
            cells += [_time(other.seconds), _ratio(ratio) + alone]
            cells += [f"{abs(other.error):.0e}"] if name == PUBLISHED else []
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", "| family | median speed-up over compact CLARABEL | over published (SCS) |"]
    lines.append("|---|---|---|")
    for family, ratios in families.items():
        medians = [
            _ratio(statistics.median(ratios[name])) if ratios.get(name) else "-"
            for name in (COMPACT, PUBLISHED)
        ]
        lines.append(f"| {family} | {medians[0]} | {medians[1]} |")
    return "\n".join(lines) + "\n"
