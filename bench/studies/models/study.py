"""How far atoms of features are off: posteriors of models, clusters, and a neural estimator.

    python bench/studies/models/study.py           some 25 minutes of two cores
    python bench/studies/models/study.py --smoke   half a minute, prints only

Worlds of known truth (worlds.py), methods (methods.py): a few draws each of many kinds rather than
many draws of few. Seconds are those of the processor, of one thread. What is done is kept in
runs.jsonl, so that a study that was interrupted goes on; results.md and docs/img/models.svg are
made of it.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from joblib import Parallel, delayed

import fastpid

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from controller.data import DATA

from models.methods import run, sharpened
from models.report import Row, plot, table
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
        *(
            Case(world, 4000, 64, 2, ALL, seed=seed)
            for seed in (1, 2)
            for world in ("redundant", "unique", "exclusive or", "mixed")
        ),
        *(Case("mixture", 4000, 64, 5, ALL, seed=seed) for seed in (1, 2)),
    ],
    "20,000 samples": [
        Case("mixed", 20_000, 64, 2, ALL),
        *(Case(world, 20_000, 64, 2) for world in ("redundant", "exclusive or")),
        Case("mixture", 20_000, 64, 5),
    ],
    "50,000 samples": [
        Case("mixed", 50_000, 64, 2),
        Case("mixture", 50_000, 64, 5),
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


#: Real views, of no known truth: two modalities of the controller's study each.
REAL = ("digits halves", "multiple features", "audio-visual digits", "watch")


def one(case: Case, method: str) -> Row:
    sample = draw(case.world, case.n, case.dim, case.classes, case.seed, case.nuisance)
    return Row(case, method, *run(method, sample, case.seed))


def key(case: Case, method: str) -> str:
    return json.dumps([*case._replace(methods=()), method])


def of_real(name: str, method: str) -> tuple[dict[str, float], float]:
    """Decompose a real data set; ImportError if the package that ships it is not installed."""
    data = DATA[name](0)
    x, y = (view.reshape(len(view), -1) for view in list(data.views.values())[:2])
    noise = 0.01 * np.random.default_rng(0).normal(size=x.shape)  # no constant columns
    return run(method, Sample(x + noise, y, data.y), 0)


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


def real(kept: dict[str, list], methods: Sequence[str], save: Callable[[str, Any], None]) -> list:
    """Return a table of real data: those of installed packages, and those that were run before."""
    for name in REAL:
        for method in methods:
            if f"{name}, {method}" not in kept:
                try:
                    save(f"{name}, {method}", of_real(name, method))
                except ImportError as error:
                    print(f"left out: {name} ({error})", flush=True)
    lines = [
        "| data | method | redundancy | unique x | unique y | synergy | I(X,Y;Z) | s |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name in REAL:
        for method in methods:
            if f"{name}, {method}" in kept:
                values, seconds = kept[f"{name}, {method}"]
                cells = " | ".join(f"{values[a]:.3f}" for a in ATOMS)
                total = sum(values.values())
                lines.append(f"| {name} | {method} | {cells} | {total:.3f} | {seconds:.1f} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--smoke", action="store_true")
    smoke = parser.parse_args().smoke
    start = time.perf_counter()
    kept: dict[str, list] = {}
    runs = HERE / "runs.jsonl"
    if not smoke and runs.exists():
        kept = dict(json.loads(line) for line in runs.read_text(encoding="utf-8").splitlines())

    def save(name: str, found: Any) -> None:
        kept[name] = found
        if not smoke:
            with runs.open("a", encoding="utf-8") as file:
                file.write(json.dumps([name, found]) + "\n")

    sections = SMOKE if smoke else SECTIONS
    jobs = [(c, m) for cases in sections.values() for c in cases for m in c.methods]
    # The longest first, so that both processes end at about the same time.
    order = sorted(jobs, key=lambda job: -job[0].n * (job[1] != "clusters"))
    parallel = Parallel(n_jobs=2, return_as="generator_unordered")
    for row in parallel(delayed(one)(*job) for job in order if key(*job) not in kept):
        save(key(row.case, row.method), (row.found, row.seconds))
        print(f"{time.perf_counter() - start:6.0f} s", table([row])[-1], flush=True)

    def rows_of(cases: Sequence[Case]) -> list[Row]:
        return [Row(c, m, *kept[key(c, m)]) for c in cases for m in c.methods]

    text = [
        "# Atoms of features: posteriors, clusters, a neural estimator",
        "",
        "Bits; the truth in brackets. `python bench/studies/models/study.py` makes this file.",
        "",
    ]
    for title, cases in sections.items():
        text += [f"## {title}", "", *table(rows_of(cases)), ""]
    text += ["## Posteriors that are not calibrated (the mixture's own, to a power)", ""]
    text += [*uncalibrated(500 if smoke else 4000), ""]
    text += ["## Intervals of 95%, from true posteriors of 1,000 samples of 3 classes", ""]
    text += [*coverage(3 if smoke else 60), ""]
    text += ["## Real views (no truth is known)", ""]
    text += real(kept, ("clusters",) if smoke else ALL, save)
    if smoke:
        print("\n".join(text))
    else:
        (HERE / "results.md").write_text("\n".join(text) + "\n", encoding="utf-8")
        plot([row for cases in sections.values() for row in rows_of(cases)])


if __name__ == "__main__":
    main()
