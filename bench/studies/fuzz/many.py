"""The long run of tests/many/test_fuzz.py: hostile tables of three to five sources.

    python bench/studies/fuzz/many.py --tables 100000 --large 300 --threads 2 --seed 0

Writes many.md beside this file, or where --out says. The tables depend on the seed alone.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import platform
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
from fuzz import HERE, Found, keep
from many_invariants import (
    FAMILIES,
    LARGE_SHAPES,
    SHAPES,
    check_all,
    check_bits,
    check_coupling,
    check_sets,
    draw,
)
from tqdm import tqdm

from fastpid import UnionInformation

CELLS = 24_000  # of the tables that are solved at a time, and so many tables at most
MOST = 200
SOLUTIONS, BITS = 40, 2  # tables of a batch that are looked at closer
UNCONVERGED = "unconverged"


def check_batch(job: tuple[int, int, str]) -> tuple[str, Found]:
    """Draw one batch and check it."""
    seed, number, family = job
    rng = np.random.default_rng([seed, number])
    shape = SHAPES[number // len(FAMILIES) % len(SHAPES)]
    p = draw(family, rng, shape, min(MOST, CELLS // int(np.prod(shape))))
    u, found = solve_and_check(p, rng)
    found.note(check_bits(p[:BITS], u[:BITS]), p[:BITS])
    return family, found


def check_large(job: tuple[int, int, str]) -> tuple[str, Found]:
    """Draw one table of many tuples and check it; returned by its shape."""
    seed, number, family = job
    rng = np.random.default_rng([seed, 1, number])
    shape = LARGE_SHAPES[number % len(LARGE_SHAPES)]
    p = draw(family, rng, shape, 1)
    found = solve_and_check(p, rng)[1]
    for i, (what, table) in enumerate(found.offenders):
        found.offenders[i] = f"{family}: {what}", table
    return "x".join(map(str, shape)), found


def solve_and_check(p: np.ndarray, rng: np.random.Generator) -> tuple[UnionInformation, Found]:
    """Solve tables, check them and look closer at the first of them."""
    u, broken = check_all(p, rng)
    found = Found(
        tables=len(p),
        solves=5 * len(p),
        unconverged=int((~u.converged).sum()),
        not_finite=int(broken["not finite"].sum()),
        gap=float(u.gap.max()),
    )
    found.note(broken, p)
    found.offenders += [(UNCONVERGED, table) for table in p[~u.converged]]  # kept to look at
    found.note(check_coupling(p[:SOLUTIONS], u[:SOLUTIONS], 1e-9), p[:SOLUTIONS])
    found.note(check_sets(p[:SOLUTIONS], u[:SOLUTIONS]), p[:SOLUTIONS])
    return u, found


def run(
    tables: int, large: int, names: list[str], processes: int, seed: int, offenders: Path
) -> tuple[dict[str, Found], dict[str, Found], Counter[str]]:
    """Check so many tables, by family and by shape; returns what large ones did not converge, too.

    One batch of every family and shape, again and again; then tables of many tuples, one by one.
    """
    families = {family: Found() for family in names}
    shapes: dict[str, Found] = {}
    missed: Counter[str] = Counter()

    def take(totals: dict[str, Found], kind: str, found: Found) -> None:
        for what, table in found.offenders:
            keep(offenders, kind, what, table)
            if what.endswith(UNCONVERGED):
                missed[f"{what.split(':')[0]} ({kind})"] += 1
        totals.setdefault(kind, Found()).add(found)
        bar.update(found.tables)

    number = 0
    total = tables + large
    with multiprocessing.get_context("spawn").Pool(processes) as pool, tqdm(total=total) as bar:
        while bar.n < tables:
            jobs = [(seed, number + k, family) for k, family in enumerate(names)]
            number += len(jobs)
            for family, found in pool.imap(check_batch, jobs):
                take(families, family, found)
        jobs = [(seed, k, names[k // len(LARGE_SHAPES) % len(names)]) for k in range(large)]
        for shape, found in pool.imap(check_large, jobs):
            take(shapes, shape, found)
    return families, shapes, missed


def report(
    families: dict[str, Found],
    shapes: dict[str, Found],
    missed: Counter[str],
    seconds: float,
    arguments: str,
) -> str:
    """Return the counts as Markdown."""
    of_families, of_shapes, everything = Found(), Found(), Found()
    for total, parts in ((of_families, families), (of_shapes, shapes)):
        for found in parts.values():
            total.add(found)
        everything.add(total)
    lines = [
        "# Hostile tables of several sources",
        "",
        f"Written by `python bench/studies/fuzz/many.py {arguments}`: {everything.tables:,} tables "
        f"of three to five sources in {seconds / 60:.1f} minutes, Python "
        f"{platform.python_version()}. The default call of `union_information`; gaps in nats. "
        "Families are those of two sources, the second one's symbols taken for those of all the "
        "others, and channels that are equal but for a relative error from 1e-13 to 0.1.",
        "",
        *_table("family", [*families.items(), ("**all**", of_families)]),
    ]
    if shapes:
        lines += [
            "",
            "Tables of up to 10^4 tuples of symbols, of all families in turn:",
            "",
            *_table("shape, the target last", [*shapes.items()]),
        ]
    if missed:
        each = "; ".join(f"{kind}: {count}" for kind, count in sorted(missed.items()))
        lines += ["", f"Did not converge: {each}."]
    lines += ["", "| invariant | checks | broken |", "|---|---|---|"]
    for what, checks in sorted(everything.checks.items()):
        lines.append(f"| {what} | {checks:,} | {everything.broken[what]} |")
    return "\n".join([*lines, ""])


def _table(kind: str, rows: list[tuple[str, Found]]) -> list[str]:
    lines = [
        f"| {kind} | tables | unconverged | worst gap | NaN or inf | broken |",
        "|---|---|---|---|---|---|",
    ]
    for name, f in rows:
        lines.append(
            f"| {name} | {f.tables:,} | {f.unconverged:,} | {f.gap:.1e} | {f.not_finite} "
            f"| {f.broken.total()} |"
        )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", type=int, default=100_000)
    parser.add_argument("--large", type=int, default=300, help="tables of up to 10^4 tuples")
    parser.add_argument("--families", nargs="+", choices=FAMILIES, default=FAMILIES)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=HERE / "many.md")
    parser.add_argument("--offenders", type=Path, default=HERE / "offenders")
    options = parser.parse_args()
    start = time.monotonic()
    families, shapes, missed = run(
        *(options.tables, options.large, options.families),
        *(options.threads, options.seed, options.offenders),
    )
    seconds = time.monotonic() - start
    text = report(families, shapes, missed, seconds, " ".join(sys.argv[1:]))
    options.out.write_text(text)
    print(text)
    sys.exit(any(found.broken for found in [*families.values(), *shapes.values()]))


if __name__ == "__main__":
    main()
