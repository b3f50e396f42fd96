"""Type I errors, power and coverage of differences between conditions.

Run with ``python bench/studies/conditions/study.py [--smoke] [--replicates N]``.
"""

from __future__ import annotations

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed

import fastpid

ATOMS = ("redundancy", "unique_x", "unique_y", "synergy")
HERE = Path(__file__).parent


def noisy(random: np.random.Generator, bits: np.ndarray, rate: float) -> np.ndarray:
    return bits ^ (random.random(len(bits)) < rate)


def world(
    random: np.random.Generator, n: int, copies: float, both: float, bias: float = 0.5
) -> tuple:
    """Draw bits x and y; z is x and their exclusive or, seen through noise of these rates."""
    x, y = (random.random(n) < bias).astype(int), random.integers(0, 2, n)
    return x, y, 2 * noisy(random, x ^ y, both) + noisy(random, x, copies)


def truth(copies: float, both: float, bias: float = 0.5) -> dict[str, float]:
    x, y, z = world(np.random.default_rng(0), 2_000_000, copies, both, bias)
    p = np.bincount((x * 2 + y) * 4 + z, minlength=16).reshape(2, 2, 4)
    d = fastpid.decompose(p / p.sum())
    return {atom: getattr(d, atom) for atom in ATOMS}


#: Sizes of two conditions and their parameters.
UNPAIRED = {
    "equal": ((400, 400), (0.2, 0.2), (0.2, 0.2)),
    "equal, sizes 300 and 1,200": ((300, 1200), (0.2, 0.2), (0.2, 0.2)),
    "x is rarer in one": ((400, 400), (0.2, 0.2), (0.2, 0.2, 0.25)),
    "only x differs": ((400, 400), (0.1, 0.2), (0.3, 0.2)),
    "only both differ": ((400, 400), (0.2, 0.15), (0.2, 0.3)),
}


def unpaired(name: str, seed: int) -> fastpid.Differences:
    random = np.random.default_rng([seed, 3])
    sizes, *parameters = UNPAIRED[name]
    drawn = [world(random, n, *p) for n, p in zip(sizes, parameters, strict=True)]
    x, y, z = (np.concatenate(each) for each in zip(*drawn, strict=True))
    return compare(x, y, z, np.repeat([0, 1], sizes), seed=seed)


def paired(name: str, seed: int) -> fastpid.Differences:
    """Compare two sources about the same target of the same samples: alike or not."""
    random = np.random.default_rng([seed, 5])
    shared, y = random.integers(0, 2, (2, 400))
    z = 2 * noisy(random, shared ^ y, 0.2) + noisy(random, shared, 0.2)
    rates = (0.1, 0.1) if name == "alike" else (0.05, 0.25)
    x = {k: noisy(random, shared, r) for k, r in zip("ab", rates, strict=True)}
    return compare(x, y, z, seed=seed)


def by_subject(name: str, seed: int) -> fastpid.Differences:
    """Let subjects differ in their noise; conditions by subject, or both for every subject."""
    random = np.random.default_rng([seed, 7])
    groups = np.repeat(np.arange(24), 40)
    rate = random.beta(2.0, 6.0, 24)[groups]
    x, y = random.integers(0, 2, (2, len(groups)))
    z = 2 * ((x ^ y) ^ (random.random(len(x)) < rate)) + noisy(random, x, 0.2)
    condition = groups % 2 if name == "subjects of one" else np.tile([0, 1], len(groups) // 2)
    return compare(x, y, z, condition, groups=groups, seed=seed)


def compare(*given: object, seed: int, **options: object) -> fastpid.Differences:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return fastpid.estimate_differences(
            *given, rng=seed, threads=1, n_bootstrap=100, n_permutations=199, **options
        )


def one(kind: str, name: str, seed: int) -> dict[str, tuple[float, float, float]]:
    d = {"unpaired": unpaired, "paired": paired, "by subject": by_subject}[kind](name, seed)
    return {atom: (*(ends[0] for ends in d.intervals[atom]), d.p_values[atom][0]) for atom in ATOMS}


def true_difference(kind: str, name: str) -> dict[str, float]:
    if kind == "unpaired":
        _, first, second = UNPAIRED[name]
        one_, other = truth(*first), truth(*second)
        return {atom: one_[atom] - other[atom] for atom in ATOMS}
    if kind == "by subject" or name == "alike":
        return dict.fromkeys(ATOMS, 0.0)
    random = np.random.default_rng(1)
    shared, y = random.integers(0, 2, (2, 2_000_000))
    z = 2 * noisy(random, shared ^ y, 0.2) + noisy(random, shared, 0.2)
    found = []
    for rate in (0.05, 0.25):
        x = noisy(random, shared, rate)
        p = np.bincount((x * 2 + y) * 4 + z, minlength=16).reshape(2, 2, 4)
        found.append(fastpid.decompose(p / p.sum()))
    return {atom: getattr(found[0], atom) - getattr(found[1], atom) for atom in ATOMS}


CASES = [
    *(("unpaired", name) for name in UNPAIRED),
    *(("paired", name) for name in ("alike", "one is noisier")),
    *(("by subject", name) for name in ("subjects of one", "subjects of both")),
]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--replicates", type=int, default=500)
    args = parser.parse_args()
    replicates = 2 if args.smoke else args.replicates
    start = time.perf_counter()
    rows = [
        "| design | world | atom | true difference | refuted at 5% | interval covers |",
        "|---|---|---|---|---|---|",
    ]
    for kind, name in CASES:
        true = true_difference(kind, name)
        runs = Parallel(n_jobs=2)(delayed(one)(kind, name, seed) for seed in range(replicates))
        for atom in ATOMS:
            low, high, p = np.array([run[atom] for run in runs]).T
            covers = np.mean((low <= true[atom]) & (true[atom] <= high))
            rows.append(
                f"| {kind} | {name} | {atom} | {true[atom]:+.3f} | {np.mean(p <= 0.05):.1%} "
                f"| {covers:.1%} |"
            )
            print(rows[-1], flush=True)
    text = [
        "# Errors of differences between conditions",
        "",
        f"Written by `python bench/studies/conditions/study.py --replicates {replicates}` "
        f"({time.perf_counter() - start:.0f} s): {replicates} data sets a world; 5% has a standard "
        f"error of {np.sqrt(0.05 * 0.95 / replicates):.1%}. True differences of 0.000 are from two "
        "million samples, and off by a thousandth at most.",
        "",
        *rows,
        "",
    ]
    if not args.smoke:
        (HERE / "results.md").write_text("\n".join(text))


if __name__ == "__main__":
    main()
