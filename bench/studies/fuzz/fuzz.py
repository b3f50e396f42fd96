"""The long run of tests/solve/test_fuzz.py: millions of hostile tables, and what went wrong.

    python bench/studies/fuzz/fuzz.py --tables 5000000 --threads 2 --seed 0
    python bench/studies/fuzz/fuzz.py --families mixture zipf --tables 100000

Writes results.md beside this file, or where --out says, and every table that breaks an invariant
to the folder --offenders, as NAME.npz with `p` and `what`. The tables depend on the seed alone, not
on the number of processes. Ctrl-C ends it early and keeps what there is.
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import multiprocessing
import os
import platform
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "helpers")]

from hostile import FAMILIES, SHAPES, Tables
from invariants import (
    WAYS,
    Broken,
    check_answers,
    check_bits,
    check_coupling,
    check_effort,
    check_gradients,
    check_potentials,
    check_reference,
    check_scale,
    crossing,
    not_finite,
    rounding,
    solve,
    transformations,
)

TOL = 1e-9
CELLS = 24_000  # of the tables that are solved at a time
KEPT = 20  # offending tables of a family and an invariant

#: Of every batch all tables are asked for again in one other way, and so many are looked at closer.
SOLUTIONS, OTHER_WAY, BITS, GRADIENTS = 40, 120, 2, 8
REFERENCE = 50  # one table in so many batches


@dataclasses.dataclass
class Found:
    """What a batch was found to be, or all batches of a family."""

    tables: int = 0
    solves: int = 0
    unconverged: int = 0
    not_finite: int = 0
    gap: float = 0.0
    crossing: float = -np.inf
    checks: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    broken: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    offenders: list[tuple[str, Tables]] = dataclasses.field(default_factory=list)

    def add(self, other: Found) -> None:
        """Take in what another batch was found to be."""
        for count in ("tables", "solves", "unconverged", "not_finite"):
            setattr(self, count, getattr(self, count) + getattr(other, count))
        self.gap = max(self.gap, other.gap)
        self.crossing = max(self.crossing, other.crossing)
        self.checks.update(other.checks)
        self.broken.update(other.broken)

    def note(self, broken: Broken, p: Tables) -> None:
        """Take in what was checked of the tables p."""
        for what, mask in broken.items():
            self.checks[what] += len(p)
            if mask.any():
                self.broken[what] += int(mask.sum())
                self.offenders += [(what, table) for table in p[mask][:KEPT]]

    def meet(self, what: str, apart: np.ndarray, p: Tables, other: Tables) -> None:
        """Take in how far the brackets of the tables p and of the same ones, changed, are apart."""
        self.solves += len(other)
        self.crossing = max(self.crossing, float(apart.max()))
        self.note({f"brackets cross: {what}": ~(apart <= rounding(p) + rounding(other))}, p)


def check_batch(job: tuple[int, int, str]) -> tuple[str, Found]:
    """Draw one batch and check it."""
    seed, number, family = job
    rng = np.random.default_rng([seed, number])
    shape = SHAPES[rng.integers(len(SHAPES))]
    p = FAMILIES[family](rng, shape, CELLS // max(int(np.prod(shape)), 16))
    d = solve(p)
    found = Found(
        tables=len(p),
        solves=len(p),
        unconverged=int((~d.converged).sum()),
        not_finite=int(not_finite(d).sum()),
        gap=float(np.max(d.gap)),
    )
    found.note(check_answers(d, TOL), p)
    found.note(check_effort(d), p)

    changes = list(transformations(p, rng))
    name, changed = changes[rng.integers(len(changes))]
    found.meet(name, crossing(d, solve(changed)), p, changed)

    way = WAYS[rng.integers(len(WAYS))]
    few = p[:OTHER_WAY]
    other = solve(few, **way)
    found.note(check_answers(other, way.get("tol", TOL)), few)
    found.meet(str(way), crossing(d[:OTHER_WAY], other), few, few)
    few, other = few[:SOLUTIONS], other[:SOLUTIONS]
    found.note(check_potentials(few, other), few)
    found.note(check_coupling(few, other, way.get("tol", TOL), np.inf), few)

    few = p[:SOLUTIONS]
    found.note(check_potentials(few, d[:SOLUTIONS]), few)
    found.note(check_coupling(few, d[:SOLUTIONS], TOL), few)
    found.note(check_scale(few, rng, TOL), few)
    found.note(check_bits(p[:BITS], d[:BITS]), p[:BITS])
    if gradients_can_be_had():
        found.note(check_gradients(p[:GRADIENTS], d[:GRADIENTS], TOL), p[:GRADIENTS])
    if number % REFERENCE == 0 and p[0].size <= 200:
        found.note(check_reference(p[:1], d[:1]), p[:1])
    return family, found


def gradients_can_be_had() -> bool:
    try:
        import torch  # noqa: F401
    except ImportError:
        return False
    return True


def jobs(seed: int, families: list[str]) -> Iterator[tuple[int, int, str]]:
    """Batches without end, of the families in turn."""
    number = 0
    while True:
        yield seed, number, families[number % len(families)]
        number += 1


def run(
    tables: int, processes: int, seed: int, families: list[str], offenders: Path
) -> dict[str, Found]:
    """Check so many tables, or as many as there are before Ctrl-C."""
    totals = {family: Found() for family in families}
    work = jobs(seed, families)
    pending: collections.deque[Any] = collections.deque()
    context = multiprocessing.get_context("spawn")
    # Ctrl-C is for this process alone, which ends the others.
    quiet = signal.signal, (signal.SIGINT, signal.SIG_IGN)
    with context.Pool(processes, *quiet) as pool, tqdm(total=tables, unit="table") as bar:
        try:
            while bar.n < tables:
                while len(pending) < 4 * processes:
                    pending.append(pool.apply_async(check_batch, (next(work),)))
                family, found = pending.popleft().get()
                for what, table in found.offenders:
                    keep(offenders, family, what, table)
                totals[family].add(found)
                broken = sum(t.broken.total() for t in totals.values())
                bar.set_postfix(broken=broken, refresh=False)
                bar.update(found.tables)
        except KeyboardInterrupt:
            pass
    return totals


def keep(folder: Path, family: str, what: str, table: Tables) -> None:
    """Save a table that broke an invariant, unless there are enough of its kind."""
    kind = "-".join([family, *"".join(c if c.isalnum() else " " for c in what).split()])
    for number in range(KEPT):
        path = folder / f"{kind}-{number}.npz"
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            np.savez(path, p=table, what=what)
            return


def report(totals: dict[str, Found], seconds: float, arguments: str) -> str:
    """Return the counts as Markdown."""
    everything = Found()
    for found in totals.values():
        everything.add(found)
    lines = [
        "# Hostile tables",
        "",
        f"Written by `python bench/studies/fuzz/fuzz.py {arguments}`: {everything.tables:,} tables "
        f"in {seconds / 60:.1f} minutes ({everything.tables / max(seconds, 1e-9):,.0f} a second, "
        f"{everything.solves:,} solves), Python {platform.python_version()}. The default call of "
        "`decompose`; gaps and crossings in nats. A crossing is how far the brackets of one table, "
        "asked for in two ways, are apart; zero where the worst ones touch.",
        "",
        "| family | tables | unconverged | worst gap | worst crossing | NaN or inf | broken |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, f in [*totals.items(), ("**all**", everything)]:
        lines.append(
            f"| {name} | {f.tables:,} | {f.unconverged:,} | {f.gap:.1e} | {f.crossing:.1e} "
            f"| {f.not_finite} | {f.broken.total()} |"
        )
    lines += ["", "| invariant | checks | broken |", "|---|---|---|"]
    for what, checks in sorted(everything.checks.items()):
        lines.append(f"| {what} | {checks:,} | {everything.broken[what]} |")
    return "\n".join([*lines, ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", type=int, default=5_000_000)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--families", nargs="+", choices=FAMILIES, default=list(FAMILIES))
    parser.add_argument("--out", type=Path, default=HERE / "results.md")
    parser.add_argument("--offenders", type=Path, default=HERE / "offenders")
    options = parser.parse_args()
    # Shells that start it in the background have it ignore Ctrl-C.
    for ends in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ends, signal.default_int_handler)
    start = time.monotonic()
    totals = run(options.tables, options.threads, options.seed, options.families, options.offenders)
    text = report(totals, time.monotonic() - start, " ".join(sys.argv[1:]))
    options.out.write_text(text)
    print(text)
    sys.exit(any(found.broken for found in totals.values()))


if __name__ == "__main__":
    main()
