"""How many of the pairs that a screen calls significant are none, and how many it finds.

    python bench/studies/screening/study.py           some minutes on two cores
    python bench/studies/screening/study.py --smoke   seconds, prints only

Worlds whose truth is known by construction, columns of `bins` symbols each:

* "parity": two columns whose sum says most of the target (a true synergy), one that says some of it
  by itself (unique information beside every column that says nothing), and null columns that share
  a parent, so that tests depend on one another.
* "copies": as before, but half of the null columns are noisy copies of the column that says
  something: beside it they have no unique information and no synergy, and share redundancy.
* "product": the target is a pair of symbols, each from a column of its own, with noise: both have
  unique information, and no synergy and no redundancy. What synergy needs - that either says
  something given the other - holds all the same.
* "nothing": all columns are null.

Which atoms of which pairs are zero is known by construction. The small synergy of two copies is no
false discovery, and does not count for the power either. Writes results.md beside this file.
"""

from __future__ import annotations

import argparse
import itertools
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed

import fastpid

HERE = Path(__file__).resolve().parent
ATOMS = ("synergy", "unique_x", "redundancy")
WORLDS = ("parity", "copies", "product", "nothing")
CASES = [
    (world, n, bins)
    for n in (300, 2000)
    for bins in (2, 4)
    for world in WORLDS
    if (world, bins) != ("product", 4)  # 16 symbols of a target: tens of seconds a screen
]
FDR, LEVEL = 0.1, 0.05
#: Where false synergies are most frequent, and how many times as many screens are drawn there.
CLOSER, TIMES = {("parity", 300, 4), ("copies", 300, 4)}, 5
N_NULL = 7


def draw(world: str, n: int, bins: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return columns (n, 3 + N_NULL) and a target: columns 0 and 1 together, 2 by itself, nulls."""
    rng = np.random.default_rng([WORLDS.index(world), n, bins, seed])
    a, b, c, parent, noise, other = rng.integers(0, bins, (6, n))
    u = rng.random(n)
    if world == "nothing":
        z = noise
    elif world == "product":
        # Noise of its own for each symbol: z = (a, b) as two channels have it.
        first = np.where(rng.random(n) < 0.4, a, noise)
        z = first * bins + np.where(rng.random(n) < 0.4, b, other)
    else:
        z = np.where(u < 0.3, (a + b) % bins, np.where(u < 0.6, c, noise))
    nulls = []
    for i in range(N_NULL):
        of = c if world == "copies" and i % 2 else parent
        nulls.append(np.where(rng.random(n) < 0.6, of, rng.integers(0, bins, n)))
    return np.column_stack([a, b, c, *nulls]), z


def truth(world: str, i: int, j: int) -> dict[str, str]:
    """Return of every atom of a pair i < j whether it is "zero", "there", or too small to count."""
    zero = dict.fromkeys(ATOMS, "zero")
    if world == "nothing":
        return zero
    if world == "product":
        if i < 2 <= j:
            return {**zero, "unique_x": "there"}
        return {**zero, "unique_x": "there"} if (i, j) == (0, 1) else zero
    copies = {3 + k for k in range(1, N_NULL, 2)} if world == "copies" else set()
    if (i, j) == (0, 1):
        return {**zero, "synergy": "there"}
    if i == 2:
        redundancy = "there" if j in copies else "zero"
        return {"synergy": "zero", "unique_x": "there", "redundancy": redundancy}
    if j == 2:  # 0 or 1 beside what says something: given it, they say nothing
        return {**zero, "redundancy": "zero"}
    both = i in copies and j in copies
    if both:  # two views of one column, equally noisy: neither has more, together they have
        return {"synergy": "not zero", "unique_x": "zero", "redundancy": "there"}
    if i in copies:
        return {**zero, "unique_x": "there"}
    return zero


def one(world: str, n: int, bins: int, seed: int, test: str) -> dict:
    """Return, by atom, false and true discoveries, p-values of true nulls, how many there are."""
    warnings.simplefilter("ignore")
    columns, z = draw(world, n, bins, seed)
    start = time.perf_counter()
    found = fastpid.screen(columns, z, test=test, threads=1, rng=seed)
    out: dict = {"seconds": time.perf_counter() - start}
    pairs = list(itertools.combinations(range(columns.shape[1]), 2))
    for atom in ATOMS:
        state = np.array([truth(world, i, j)[atom] for i, j in pairs])
        p = found.values(f"p_{atom}")
        hit = found.adjusted(atom, "bh") <= FDR
        by = found.adjusted(atom, "by") <= FDR
        false, true = int((hit & (state == "zero")).sum()), int((hit & (state == "there")).sum())
        tested = (state == "zero") & ~np.isnan(p)
        out[atom] = {
            "fdp": false / max(int(hit.sum()), 1),
            "fdp_by": (by & (state == "zero")).sum() / max(by.sum(), 1),
            "power": true / max((state == "there").sum(), 1),
            "there": int((state == "there").sum()),
            "refuted": int((p[tested] <= LEVEL).sum()),
            # The larger of two p-values is conservative unless one of its nulls is false.
            "informed": float(np.mean(p[tested & informed(world, pairs)] <= LEVEL))
            if (tested & informed(world, pairs)).any()
            else np.nan,
            "tested": int(tested.sum()),
        }
    return out


def informed(world: str, pairs: list[tuple[int, int]]) -> np.ndarray:
    """Return which pairs have a column that says something beside one that says nothing."""
    says = {"parity": (2,), "copies": (2,), "product": (0, 1), "nothing": ()}[world]
    return np.array([(i in says) != (j in says) for i, j in pairs])


def lines(replicates: int, test: str, cases: list) -> Iterator[str]:
    """Yield a row of the table for every case and atom."""
    for world, n, bins in cases:
        closer = test == "permutation" and (world, n, bins) in CLOSER
        count = replicates * TIMES if closer else replicates
        runs = Parallel(n_jobs=2)(delayed(one)(world, n, bins, seed, test) for seed in range(count))
        for atom in ATOMS:
            of = [run[atom] for run in runs]

            def mean(name: str, of: list = of) -> tuple[float, float]:
                values = np.array([r[name] for r in of], dtype=float)
                values = values[~np.isnan(values)]
                if not len(values):
                    return np.nan, np.nan
                return float(values.mean()), float(values.std() / np.sqrt(len(values)))

            fdp, error = mean("fdp")
            tested = sum(r["tested"] for r in of)
            refuted = sum(r["refuted"] for r in of) / tested if tested else np.nan
            informed_, informed_error = mean("informed")
            power = f"{mean('power')[0]:.0%}" if of[0]["there"] else ""
            alone = f"{informed_:.1%} ({informed_error:.1%})" if informed_ == informed_ else ""
            yield (
                f"| {test} | {world} | {n:,} | {bins} | {atom} | {fdp:.1%} ({error:.1%}) "
                f"| {mean('fdp_by')[0]:.1%} | {power} | {refuted:.1%} | {alone} "
                f"| {np.mean([r['seconds'] for r in runs]):.2f} | {count} |"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="a few screens, printed only")
    parser.add_argument("--replicates", type=int, default=40)
    args = parser.parse_args()
    start = time.perf_counter()
    replicates = 2 if args.smoke else args.replicates
    cases = CASES[:4] if args.smoke else CASES
    head = [
        "| test | world | N | bins | atom | false discoveries (BH, 10%) | BY | power (BH) "
        "| nulls with p <= 5% | the same, beside a column that says something | s a screen "
        "| screens |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    print(*head, sep="\n")
    rows = []
    for test in ("g", "permutation"):
        for row in lines(replicates, test, cases):
            print(row, flush=True)
            rows.append(row)
    if args.smoke:
        return
    text = [
        "# False discoveries of screens",
        "",
        f"Written by `python bench/studies/screening/study.py --replicates {replicates}` "
        f"({time.perf_counter() - start:.0f} s): screens of {3 + N_NULL} columns; in brackets the "
        "standard error over screens.",
        "",
        *head,
        *rows,
        "",
    ]
    (HERE / "results.md").write_text("\n".join(text), encoding="utf-8")


if __name__ == "__main__":
    main()
