"""How well the bias and the standard error of a held-out table are known, in a simulation.

    python bench/studies/controller/held_out.py     a few seconds

Two classifiers of 4 classes, the second one less able, of a sharpness from diffident to certain;
300 sets of 200 samples each, the truth from 400,000. Prints Markdown, the synergy in bits.
"""

from __future__ import annotations

import numpy as np

import fastpid
from fastpid.estimation import PredictionSums

CLASSES, SAMPLES, SETS, POPULATION = 4, 200, 300, 400_000
SHARPNESS = {"diffident": 0.3, "ordinary": 1.0, "nearly certain": 5.0, "hard": 1000.0}


def predictions(n: int, sharpness: float, seed: int) -> PredictionSums:
    """Return the table of n samples."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, CLASSES, n)
    sources = []
    for signal in (2.0, 1.2):
        logits = rng.normal(scale=1.5, size=(n, CLASSES))
        logits[np.arange(n), y] += signal
        odds = np.exp(sharpness * (logits - logits.max(axis=1, keepdims=True)))
        sources.append(odds / odds.sum(axis=1, keepdims=True))
    table = PredictionSums((CLASSES,) * 3)
    table.add(*sources, y)
    return table


def main() -> None:
    """Print a table."""
    print("| predictions | truth | plug-in | corrected | standard deviation | stated error |")
    print("|---|---|---|---|---|---|")
    for name, sharpness in SHARPNESS.items():
        truth = predictions(POPULATION, sharpness, SETS).measure()
        tables = [predictions(SAMPLES, sharpness, seed) for seed in range(SETS)]
        found = [table.measure() for table in tables]
        plug_in = fastpid.decompose(np.stack([t.p for t in tables]), tol=1e-6).synergy
        corrected = [m.values["synergy"] for m in found]
        cells = [
            truth.values["synergy"],
            np.mean(plug_in),
            np.mean(corrected),
            np.std(corrected),
            np.mean([m.errors["synergy"] for m in found]),
        ]
        print(f"| {name} | " + " | ".join(f"{value:.4f}" for value in cells) + " |")


if __name__ == "__main__":
    main()
