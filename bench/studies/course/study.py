"""Family-wise errors and power of time courses.

Trials of two sources and a target, smooth noise over time; in some worlds nothing is informative,
in others one source is, all the time or in a window, so that some atoms' null hypotheses are false
and others true. The table counts the courses with any false discovery of an atom, corrected at 5%
by the maximum, by clusters and (as a share) by Benjamini and Hochberg, and in how many courses a
true one is found.

Run with ``python bench/studies/course/study.py [--smoke] [--replicates N]``.
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
N_TRIALS, N_TIMES = 200, 60
WINDOW = slice(25, 40)


def smooth(random: np.random.Generator, n_trials: int = N_TRIALS) -> np.ndarray:
    """Draw noise of unit variance that a few neighbouring times share."""
    kernel = np.exp(-0.5 * (np.arange(-6, 7) / 2.0) ** 2)
    noise = random.normal(size=(n_trials, N_TIMES + 12))
    each = np.apply_along_axis(np.convolve, 1, noise, kernel, mode="valid")
    return each / np.sqrt((kernel**2).sum())


def nothing(random: np.random.Generator) -> tuple:
    return smooth(random), smooth(random), random.integers(0, 2, N_TRIALS), {}


def one_source(random: np.random.Generator) -> tuple:
    """X tells z at all times; y is noise: there is unique information of x, and nothing else."""
    z = random.integers(0, 2, N_TRIALS)
    return smooth(random) + 0.8 * (2 * z[:, None] - 1), smooth(random), z, {"unique_x": slice(None)}


def both_in_turn(random: np.random.Generator) -> tuple:
    """X tells z in the first half, y in the second."""
    z = random.integers(0, 2, N_TRIALS)
    sign = 0.8 * (2 * z[:, None] - 1)
    x, y = smooth(random), smooth(random)
    x[:, :30] += sign
    y[:, 30:] += sign
    return x, y, z, {"unique_x": slice(0, 30), "unique_y": slice(30, None)}


def window_of_synergy(random: np.random.Generator) -> tuple:
    """Let the signs of x and y tell z together, in a window."""
    z, sign = random.integers(0, 2, N_TRIALS), random.choice([-1.0, 1.0], N_TRIALS)
    x, y = smooth(random), smooth(random)
    x[:, WINDOW] += sign[:, None]
    y[:, WINDOW] += (sign * (2 * z - 1))[:, None]
    return x, y, z, {"synergy": WINDOW}


def sessions(random: np.random.Generator) -> tuple:
    """Draw nothing, but let sources and target drift from one of 20 sessions to the next."""
    groups = np.repeat(np.arange(20), 10)
    x, y = (
        np.sqrt(0.5) * (smooth(random) + random.normal(size=20)[groups, None]) for _ in range(2)
    )
    return x, y, (random.normal(size=20)[groups] > 0).astype(int), {}


GROUPS = np.repeat(np.arange(20), 10)
WORLDS = {
    "nothing": (nothing, {}),
    "one source": (one_source, {}),
    "both in turn": (both_in_turn, {}),
    "window of synergy": (window_of_synergy, {}),
    "sessions": (sessions, {"groups": GROUPS}),
}


def one(name: str, seed: int) -> dict[str, tuple]:
    """Return by atom what is false by max and cluster, the share by BH, and what is found."""
    world, how = WORLDS[name]
    x, y, z, true = world(np.random.default_rng([seed, 41]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        course = fastpid.estimate_over(
            *(x, y, z), bins=3, rng=seed, threads=1, ci="none", n_permutations=199, **how
        )
    out = {}
    for atom in ATOMS:
        null = np.ones(N_TIMES, dtype=bool)
        null[true.get(atom, slice(0))] = False
        found = {m: course.adjusted(atom, m) <= 0.05 for m in ("max", "cluster", "bh")}
        # A cluster is false if it lies in times of the null hypothesis altogether.
        spans = course.spans(atom, method="cluster")
        false = any(null[int(s.start) : int(s.stop) + 1].all() for s in spans)
        out[atom] = (
            (found["max"] & null).any(),
            false,
            (found["bh"] & null).sum() / max(1, found["bh"].sum()),
            *((found[m] & ~null).sum() / max(1, (~null).sum()) for m in found),
            (~null).any(),
        )
    return out


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--replicates", type=int, default=500)
    args = parser.parse_args()
    replicates = 2 if args.smoke else args.replicates
    start = time.perf_counter()
    rows = [
        "| world | atom | any false: max | any false: cluster | false share: BH "
        "| times found: max | cluster | BH |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name in WORLDS:
        runs = Parallel(n_jobs=2)(delayed(one)(name, seed) for seed in range(replicates))
        for atom in ATOMS:
            of = np.array([run[atom] for run in runs], dtype=float)
            rates = of.mean(axis=0)
            power = [f"{r:.0%}" for r in rates[3:6]] if rates[6] else [""] * 3
            false = [f"{r:.1%}" for r in rates[:3]]
            rows.append(f"| {name} | {atom} | {' | '.join(false + power)} |")
            print(rows[-1], flush=True)
    text = [
        "# Errors of time courses",
        "",
        f"Written by `python bench/studies/course/study.py --replicates {replicates}` "
        f"({time.perf_counter() - start:.0f} s): {replicates} courses a world, of {N_TRIALS} "
        f"trials, {N_TIMES} times and 3 x 3 x 2 symbols, 199 permutations; 5% has a standard error "
        f"of {np.sqrt(0.05 * 0.95 / replicates):.1%}.",
        "",
        *rows,
        "",
    ]
    if not args.smoke:
        (HERE / "results.md").write_text("\n".join(text))


if __name__ == "__main__":
    main()
