"""How far atoms of features are off: posteriors of models, clusters, and a neural estimator.

    python bench/studies/models/study.py           some 12 minutes of two cores; 22 on busy ones
    python bench/studies/models/study.py --smoke   half a minute, prints only

Worlds of known truth (worlds.py), methods (methods.py): one draw each of many kinds rather than
many draws of few. Seconds are those of the processor, of one thread. Writes results.md beside this
file.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from joblib import Parallel, delayed

import fastpid

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from models.methods import run, sharpened
from models.worlds import ATOMS, Sample, draw, truth

ALL = ("posteriors", "clusters", "neural")
BOTH = ("posteriors", "clusters")


class Case(NamedTuple):
    """One draw of a world, and what is tried on it."""

    world: str
    n: int
    dim: int
    classes: int
    methods: Sequence[str] = BOTH
    nuisance: bool = True
    seed: int = 0


SECTIONS: dict[str, list[Case]] = {
    "4,000 samples, 64 dimensions, nuisance directions": [
        *(Case(world, 4000, 64, 2, ALL) for world in ("redundant", "unique", "exclusive or")),
        Case("mixed", 4000, 64, 2, ALL),
        Case("mixture", 4000, 64, 5, (*ALL, "oracle")),
        *(Case(world, 4000, 64, 2, BOTH, seed=1) for world in ("redundant", "exclusive or")),
        Case("mixed", 4000, 64, 2, BOTH, seed=1),
    ],
    "20,000 samples": [
        Case("mixed", 20_000, 64, 2, ALL),
        *(Case(world, 20_000, 64, 2) for world in ("redundant", "exclusive or")),
        Case("mixture", 20_000, 64, 5),
    ],
    "Few samples": [
        Case(world, n, 64, 2)
        for n in (500, 1500)
        for world in ("redundant", "exclusive or", "mixed")
    ],
    "Few and many dimensions, 4,000 samples": [
        Case(world, 4000, dim, 2) for dim in (16, 512) for world in ("redundant", "exclusive or")
    ],
    "More classes": [
        Case("exclusive or", 4000, 64, 3),
        Case("exclusive or", 4000, 64, 4),
        Case("exclusive or", 20_000, 64, 4),
        Case("redundant", 4000, 64, 10),
        Case("unique", 4000, 64, 10),
        Case("mixture", 4000, 16, 10),
    ],
    "Without nuisance directions, 4,000 samples": [
        Case(world, 4000, 64, 2, BOTH, nuisance=False) for world in ("redundant", "exclusive or")
    ],
}
SMOKE = {"Smoke": [Case("unique", 500, 16, 2, ALL), Case("mixture", 500, 16, 3, (*BOTH, "oracle"))]}


class Row(NamedTuple):
    """What a method found of a case."""

    case: Case
    method: str
    found: dict[str, float]
    seconds: float


def one(case: Case, method: str) -> Row:
    sample = draw(case.world, case.n, case.dim, case.classes, case.seed, case.nuisance)
    return Row(case, method, *run(method, sample, case.seed))


def table(rows: Sequence[Row]) -> list[str]:
    lines = [
        "| world | classes | N | dim | method | redundancy | unique x | unique y | synergy | "
        "largest error | s |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for case, method, found, seconds in rows:
        true = truth(case.world, case.classes)
        values = " | ".join(f"{found[a]:.3f} ({true[a]:.3f})" for a in ATOMS)
        error = max(abs(found[a] - true[a]) for a in ATOMS)
        lines.append(
            f"| {case.world} | {case.classes} | {case.n:,} | {case.dim} | {method} | {values} | "
            f"{error:.3f} | {seconds:.1f} |"
        )
    return lines


def uncalibrated(n: int) -> list[str]:
    """Take the mixture's true posteriors, made too certain or too doubtful."""
    true = truth("mixture", 5)
    sample = draw("mixture", n, 16, 5, 0)
    lines = [
        "| power | calibration | redundancy | unique x | unique y | synergy | largest error "
        "| used |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for power in (0.5, 1.0, 3.0):
        rows = [sharpened(each, power) for each in sample.posteriors]
        for calibration in ("none", "temperature", "isotonic"):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                e = fastpid.models.from_posteriors(
                    *(*rows, sample.z),
                    **{"calibration": calibration, "rng": 0, "n_bootstrap": 0},
                    n_permutations=0,
                )
            values = " | ".join(f"{e.corrected[a]:.3f}" for a in ATOMS)
            error = max(abs(e.corrected[a] - true[a]) for a in ATOMS)
            lines.append(
                f"| {power:g} | {calibration} | {values} | {error:.3f} | {e.used['mi_x']} |"
            )
    return lines


def coverage(draws: int) -> list[str]:
    """Count how often intervals of 95% from the mixture's true posteriors contain the truth."""
    true = truth("mixture", 3)
    inside: dict[str, list[bool]] = {atom: [] for atom in ATOMS}
    for seed in range(draws):
        sample = draw("mixture", 1000, 16, 3, 100 + seed)
        e = fastpid.models.from_posteriors(
            *(*sample.posteriors, sample.z),
            **{"rng": seed, "n_symbols": 100, "n_bootstrap": 60, "n_permutations": 0},
        )
        for atom, (low, high) in e.intervals.items():
            if atom in inside:
                inside[atom].append(low <= true[atom] <= high)
    return [
        "| draws | redundancy | unique x | unique y | synergy |",
        "|---|---|---|---|---|",
        f"| {draws} | {' | '.join(f'{np.mean(inside[a]):.0%}' for a in ATOMS)} |",
    ]


def digits(methods: Sequence[str]) -> list[str]:
    """Decompose the halves of scikit-learn's handwritten digits."""
    from sklearn.datasets import load_digits

    images, z = load_digits(return_X_y=True)
    images = images.reshape(-1, 8, 8)
    halves = [part.reshape(len(z), -1) for part in (images[:, :, :4], images[:, :, 4:])]
    noise = 0.01 * np.random.default_rng(0).normal(size=halves[0].shape)  # no constant columns
    sample = Sample(halves[0] + noise, halves[1] + noise, z)
    found = Parallel(n_jobs=2)(delayed(run)(method, sample, 0) for method in methods)
    lines = [
        "| method | redundancy | unique left | unique right | synergy | I(X,Y;Z) | s |",
        "|---|---|---|---|---|---|---|",
    ]
    for method, (values, seconds) in zip(methods, found, strict=True):
        cells = " | ".join(f"{values[a]:.3f}" for a in ATOMS)
        lines.append(f"| {method} | {cells} | {sum(values.values()):.3f} | {seconds:.1f} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--smoke", action="store_true")
    smoke = parser.parse_args().smoke
    start = time.perf_counter()
    text = [
        "# Atoms of features: posteriors, clusters, a neural estimator",
        "",
        "Bits; the truth in brackets. `python bench/studies/models/study.py` makes this file.",
        "",
    ]
    sections = SMOKE if smoke else SECTIONS
    jobs = [(title, c, m) for title, cases in sections.items() for c in cases for m in c.methods]
    # The longest first, so that both processes end at about the same time.
    order = sorted(jobs, key=lambda job: -job[1].n * (job[2] != "clusters"))
    done = {}
    parallel = Parallel(n_jobs=2, return_as="generator_unordered")
    for row in parallel(delayed(one)(*job[1:]) for job in order):
        done[row.case, row.method] = row
        print(f"{time.perf_counter() - start:6.0f} s", table([row])[-1], flush=True)
    for title in sections:
        text += [f"## {title}", "", *table([done[job[1:]] for job in jobs if job[0] == title]), ""]
    text += ["## Posteriors that are not calibrated (the mixture's own, to a power)", ""]
    text += [*uncalibrated(500 if smoke else 4000), ""]
    text += ["## Intervals of 95%, from true posteriors of 1,000 samples of 3 classes", ""]
    text += [*coverage(3 if smoke else 60), ""]
    text += ["## Halves of handwritten digits (1,797 samples, 10 classes; no truth is known)", ""]
    text += [*digits(BOTH if smoke else ALL), ""]
    text += [f"All of it took {(time.perf_counter() - start) / 60:.0f} minutes."]
    if smoke:
        print("\n".join(text))
    else:
        (HERE / "results.md").write_text("\n".join(text) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
