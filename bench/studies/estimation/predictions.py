"""How well soft predictions are estimated: bias, standard errors, coverage, false alarms.

    python bench/studies/estimation/predictions.py           some ten minutes on two cores
    python bench/studies/estimation/predictions.py --smoke   half a minute, prints only

Two classifiers of 3 classes, of a sharpness from diffident to nearly certain, whose logits are the
truth plus noise. Either both see the label ("both"), or the first sees the second one's logits only
("echo": x says nothing beyond y), or nobody sees anything ("nothing"). Truths are from 400,000
samples. Writes predictions.md beside this file.
"""

from __future__ import annotations

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed

import fastpid
from fastpid._base.quantities import ATOMS
from fastpid.estimation import PredictionSums

HERE = Path(__file__).resolve().parent
CLASSES, POPULATION, RESAMPLES = 3, 400_000, 199
SHARPNESS = {"diffident": 0.3, "ordinary": 1.0, "nearly certain": 4.0}
WORLDS = ("both", "echo", "nothing")
SIZES = (100, 400, 1600)
ZERO = 1e-4  # bit: what a population of that size leaves open


def draw(
    world: str, sharpness: float, n: int, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the logits of both classifiers and the labels."""
    rng = np.random.default_rng([seed, n])
    z = rng.integers(0, CLASSES, n)
    seen = np.eye(CLASSES)[z]
    y = rng.normal(size=(n, CLASSES)) + (0.0 if world == "nothing" else 1.5) * seen
    x = rng.normal(size=(n, CLASSES)) + {"both": 2.0 * seen, "echo": y, "nothing": 0.0}[world]
    return sharpness * x, sharpness * y, z


def one(world: str, sharpness: float, n: int, seed: int, truth: dict[str, float]) -> dict:
    """Return what is looked at of one data set, by (what, atom)."""
    warnings.simplefilter("ignore", fastpid.UndersampledWarning)
    data = draw(world, sharpness, n, seed)
    e = fastpid.estimate_predictions(
        *data,
        logits=True,
        n_bootstrap=RESAMPLES,
        n_permutations=RESAMPLES,
        threads=1,
        rng=seed,
        progress=False,
    )
    sums = PredictionSums((CLASSES,) * 3)
    sums.add(*data, logits=True)
    found = sums.measure()
    out = {}
    for atom in ATOMS:
        low, high = e.intervals[atom]
        out["plug-in", atom] = getattr(e.decomposition, atom) - truth[atom]
        out["qe", atom] = e.corrected[atom] - truth[atom]
        out["bootstrap error", atom] = e.standard_errors[atom]
        out["sums", atom] = found.values[atom] - truth[atom]
        out["sums error", atom] = found.errors[atom]
        out["covers", atom] = float(low - ZERO <= truth[atom] <= high + ZERO)
        out["rejects", atom] = float(e.p_values[atom] <= 0.05)
    return out


def table(sizes: tuple[int, ...], data_sets: int) -> list[str]:
    """Return Markdown: a line for every world, sharpness and size, about its worst atom."""
    lines = [
        "| world | predictions | N | bias of the synergy: plug-in | qe | sums | its standard "
        "deviation | bootstrap's error | sums' error | coverage, worst atom | "
        "rejects, zero atoms |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    parallel = Parallel(n_jobs=-1)
    for world in WORLDS:
        for name, sharpness in SHARPNESS.items():
            d = fastpid.decompose(
                fastpid.joint.from_predictions(*draw(world, sharpness, POPULATION, 0), logits=True)
            )
            truth = {atom: float(getattr(d, atom)) for atom in ATOMS}
            for n in sizes:
                runs = parallel(
                    delayed(one)(world, sharpness, n, seed, truth)
                    for seed in range(1, data_sets + 1)
                )

                def mean(what: str, atom: str = "synergy", runs: list = runs) -> float:
                    return float(np.mean([run[what, atom] for run in runs]))

                spread = np.std([run["qe", "synergy"] for run in runs])
                zeros = [atom for atom in ATOMS if truth[atom] < ZERO]
                false = max((mean("rejects", atom) for atom in zeros), default=None)
                lines.append(
                    f"| {world} | {name} | {n:,} | {mean('plug-in'):+.4f} | {mean('qe'):+.4f} | "
                    f"{mean('sums'):+.4f} | {spread:.4f} | {mean('bootstrap error'):.4f} | "
                    f"{mean('sums error'):.4f} | {min(mean('covers', a) for a in ATOMS):.0%} | "
                    + ("|" if false is None else f"{false:.1%} |")
                )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--smoke", action="store_true")
    args = parser.parse_args()
    started = time.perf_counter()
    data_sets = 10 if args.smoke else 200
    lines = table(SIZES[:1] if args.smoke else SIZES, data_sets)
    seconds = time.perf_counter() - started
    text = "\n".join(
        [
            "# Estimates from soft predictions",
            "",
            f"Written by `python bench/studies/estimation/predictions.py` ({seconds:.0f} s): "
            f"{data_sets} data sets a line, {CLASSES} classes, in bits.",
            "",
            *lines,
            "",
        ]
    )
    print(text)
    if not args.smoke:
        (HERE / "predictions.md").write_text(text)


if __name__ == "__main__":
    main()
