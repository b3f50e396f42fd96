"""Bias, coverage and type I errors of fastpid.estimate_many for three sources, the truth known.

    python bench/studies/many/study.py [--smoke] [--replicates N] [--runs FILE] [--only WORLD ...]

Every data set is drawn from a table whose decomposition is known to 1e-9 bit. What is finished is
appended to FILE, from which the next call goes on. Writes results.md beside this file.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
import time
import warnings
from collections import defaultdict
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed

import fastpid
from fastpid.estimation._many_problem import ManyProblem

HERE = Path(__file__).resolve().parent
SIZES = (200, 800)
#: A value below this is zero for all that samples can say.
ZERO = 1e-6
COLUMNS = ("world", "n", "seed", "atom", "plug_in", "corrected", "low", "high", "p")

Table = np.ndarray


def table_of(symbols: tuple[int, ...], bits: int, flips: tuple[float, ...], draw) -> Table:
    """Return the table of what `draw` makes of fair bits, and of others that are 1 so often."""
    p = np.zeros(symbols)
    rates = (*(0.5 for _ in range(bits)), *flips)
    for word in np.ndindex(*(2 for _ in rates)):
        mass = np.prod([rate if bit else 1.0 - rate for bit, rate in zip(word, rates, strict=True)])
        p[draw(*word)] += mass
    return p


def random_table(shape: tuple[int, ...], concentration: float, seed: int) -> Table:
    random = np.random.default_rng(seed)
    return random.dirichlet(np.full(int(np.prod(shape)), concentration)).reshape(shape)


def worlds() -> dict[str, Table]:
    two, four = (2, 2, 2, 2), (2, 2, 2, 4)
    return {
        "independent": np.full(two, 1 / 16),
        "independent, 3 symbols": np.full((3, 3, 3, 3), 1 / 81),
        "AND of three, 10% noise": table_of(
            two, 3, (0.1,), lambda a, b, c, e: (a, b, c, (a & b & c) ^ e)
        ),
        "parity of three, 20% noise": table_of(
            two, 3, (0.2,), lambda a, b, c, e: (a, b, c, a ^ b ^ c ^ e)
        ),
        # x0 is all there is; the others are views of it, of unlike noise.
        "two views of the first": table_of(
            two, 1, (0.2, 0.1, 0.3), lambda a, e, f, g: (a, a ^ f, a ^ g, a ^ e)
        ),
        # x2 knows the noise of x1, and nothing of z.
        "a view, and its noise": table_of(
            two, 1, (0.2, 0.3, 0.1), lambda a, e, f, g: (a, a ^ f, f ^ g, a ^ e)
        ),
        "three equal views of the target": table_of(
            two, 1, (0.25, 0.25, 0.25), lambda a, e, f, g: (a ^ e, a ^ f, a ^ g, a)
        ),
        # The target has two parts; none of the sources is all that the others say.
        "two parts, and a view of one": table_of(
            four, 2, (0.1, 0.1, 0.2), lambda a, b, e, f, g: (a, b, a ^ g, 2 * (a ^ e) + (b ^ f))
        ),
        # x0 is the exclusive or of the others, which say nothing each; x0 alone tells z.
        "the others' exclusive or": table_of(
            two, 2, (0.2,), lambda a, b, e: (a ^ b, a, b, a ^ b ^ e)
        ),
        # x0 is one of both parts, and says which: unique in no part, and no view of one source.
        "one of both parts, and both": table_of(
            (4, 2, 2, 4),
            2,
            (0.1, 0.1, 0.5),
            lambda a, b, e, f, which: (
                2 * which + (b if which else a),
                *(a, b),
                2 * (a ^ e) + (b ^ f),
            ),
        ),
        "dense, 2 symbols": random_table(two, 1.0, 1),
        "dense, 3 symbols": random_table((3, 3, 3, 3), 1.0, 2),
        "spiky, 3 symbols": random_table((3, 3, 3, 3), 0.3, 3),
    }


def named(d: fastpid.ManyDecomposition) -> dict[str, float]:
    problem = ManyProblem(3, 3, True)
    values = problem.named(problem.vector(d), 1.0)
    return {name: float(values[name]) for name in (*problem.atoms.values(), "synergy")}


def one(world: str, n: int, seed: int) -> list[tuple]:
    p = worlds()[world]
    cells = np.random.default_rng([seed, n]).choice(p.size, n, p=p.ravel())
    *sources, z = np.unravel_index(cells, p.shape)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            e = fastpid.estimate_many(
                sources, z, rng=seed, threads=1, n_bootstrap=100, n_permutations=99
            )
        except ValueError:  # a column of one symbol, once in a while
            return [(world, n, seed, "", *["nan"] * 5)]
    plug_in = named(e.decomposition)
    return [
        (world, n, seed, name, plug_in[name], e.corrected[name], *e.intervals[name], p)
        for name, p in e.p_values.items()
    ]


def read(path: Path) -> dict[tuple[str, int], dict[int, dict[str, list[float]]]]:
    """Return the runs of a file by world, size, seed and atom."""
    runs: dict = defaultdict(lambda: defaultdict(dict))
    if path.exists():
        with path.open(newline="") as file:
            for world, n, seed, atom, *values in list(csv.reader(file))[1:]:
                if len(values) == len(COLUMNS) - 4:  # of an interrupted line, fewer
                    runs[world, int(n)][int(seed)][atom] = list(map(float, values))
    return runs


def run(path: Path, replicates: int, only: list[str]) -> None:
    done = {(w, n, seed) for (w, n), seeds in read(path).items() for seed in seeds}
    left = [
        (world, n, seed)
        for seed in range(replicates)
        for world in only or worlds()
        for n in SIZES
        if (world, n, seed) not in done
    ]
    with path.open("a", newline="") as file:
        writer = csv.writer(file)
        if not done:
            writer.writerow(COLUMNS)
        found = Parallel(n_jobs=2, return_as="generator_unordered")(
            delayed(one)(*each) for each in left
        )
        for rows in found:
            writer.writerows(rows)
            file.flush()


def report(path: Path) -> list[str]:
    rows, alarms = [], []
    for (world, n), seeds in sorted(read(path).items(), key=_place):
        true = named(fastpid.decompose_many(worlds()[world]))
        for atom, truth in true.items():
            values = np.array([atoms[atom] for atoms in seeds.values() if atom in atoms])
            plug_in, corrected, low, high, p = values.T
            is_zero = abs(truth) < ZERO
            refuted = np.mean(p <= 0.05)
            if is_zero:
                alarms.append((refuted, world, n, atom))
            covers = np.mean((low <= truth + ZERO) & (truth - ZERO <= high))
            rows.append(
                f"| {world} | {n} | {len(values)} | {atom} | {truth + 0.0:.3f} "
                f"| {np.mean(plug_in) - truth:+.3f} | {np.mean(corrected) - truth:+.3f} "
                f"| {np.std(corrected):.3f} | {covers:.1%} "
                f"| {'' if is_zero else f'{refuted:.1%}'} | {f'{refuted:.1%}' if is_zero else ''} |"
            )
    alarms.sort(reverse=True)
    worst = "; ".join(f"{rate:.1%} ({atom}, {w}, {n})" for rate, w, n, atom in alarms[:5])
    covered = np.array([float(row.split("|")[9].strip(" %")) for row in rows])
    return [
        f"Of {len(alarms)} atoms that are zero, {np.mean([a[0] for a in alarms]):.1%} are found at "
        f"the 5% level on average; most often: {worst}.",
        "",
        f"Intervals of 95% hold the truth in {np.mean(covered):.1f}% of data sets on average over "
        f"{len(covered)} rows, in {min(covered):.1f}% at worst; in fewer than 90% in "
        f"{np.count_nonzero(covered < 90)} rows.",
        "",
        "| world | N | data sets | atom | truth | plug-in is off | value is off | deviation "
        "| interval covers | found | found though zero |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
        *rows,
    ]


def _place(item: tuple) -> tuple[int, int]:
    (world, n), _ = item
    return list(worlds()).index(world), n


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--replicates", type=int, default=200)
    parser.add_argument("--runs", type=Path, default=HERE / "runs.csv")
    parser.add_argument("--only", nargs="*", default=[], choices=list(worlds()), metavar="WORLD")
    args = parser.parse_args()
    start = time.perf_counter()
    if args.smoke:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "runs.csv"
            for each in (("AND of three, 10% noise", 200, 0), ("independent", 200, 1)):
                rows = one(*each)
                with path.open("a", newline="") as file:
                    csv.writer(file).writerows([COLUMNS, *rows] if each[2] == 0 else rows)
            print("\n".join(report(path)))
        return
    run(args.runs, args.replicates, args.only)
    fewest = min(map(len, read(args.runs).values()))
    text = [
        "# Estimates of three sources",
        "",
        f"Written by `python bench/studies/many/study.py --replicates {args.replicates}` "
        f"({time.perf_counter() - start:.0f} s for what was left): {fewest} data sets or more a "
        "world and size, 100 resamples, 99 permutations, the defaults otherwise; 5% has a standard "
        f"error of {np.sqrt(0.05 * 0.95 / fewest):.1%}. In bits.",
        "",
        *report(args.runs),
        "",
    ]
    (HERE / "results.md").write_text("\n".join(text), encoding="utf-8")
    print("\n".join(text[:8]))


if __name__ == "__main__":
    main()
