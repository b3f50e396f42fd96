"""How much too large the union information of few posteriors is, and what is left of it.

    python bench/studies/posteriors/study.py           some quarter of an hour of two cores
    python bench/studies/posteriors/study.py --smoke   a few seconds, prints only

Points around the corners of a simplex, seen through Gaussian noise, have known posteriors. Of equal
channels nothing is unique, of a noisier one of the same kind neither; two channels that tell
different classes apart have no known truth, but means over draws of more samples. What is shown is
half the sum of the unique informations, the union information less the mean of both mutual ones,
less half the difference of these where that is the truth of the sample. Writes results.md beside
this file.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np
from joblib import Parallel, delayed
from scipy.special import softmax

import fastpid

HERE = Path(__file__).resolve().parent
#: How far apart the corners are for each channel.
DISTANCE = 1.5


class Case(NamedTuple):
    """What both channels are, how many classes and samples there are, and how many draws."""

    channels: str
    classes: int
    n: int
    draws: int


CASES = [
    *(
        Case(channels, classes, 500, 20)
        for channels in ("equal", "nearly equal", "noisier", "crossed")
        for classes in (3, 5, 10)
    ),
    *(
        Case(channels, classes, 2000, 6)
        for channels in ("equal", "nearly equal", "noisier", "crossed")
        for classes in (5, 10)
    ),
]
SMOKE = [Case("equal", 3, 120, 2), Case("crossed", 3, 120, 2)]


def posteriors(
    n: int, corners: np.ndarray, noise: float, random: np.random.Generator
) -> np.ndarray:
    points = corners[random.integers(0, len(corners), n)]
    points = points + noise * random.normal(size=points.shape)
    distances = np.sum((points[:, None, :] - corners) ** 2, axis=2)
    return np.asarray(softmax(-distances / (2.0 * noise**2), axis=1))


def draw(case: Case, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    noise_y = {"nearly equal": 1.1, "noisier": 1.5}.get(case.channels, 1.0)
    corners = DISTANCE * np.eye(case.classes)
    reach = np.linspace(0.5, 1.5, case.classes)
    if case.channels == "crossed":
        pair = (corners * reach, corners * reach[::-1])
    else:
        pair = (corners, corners)
    return posteriors(case.n, pair[0], 1.0, random), posteriors(case.n, pair[1], noise_y, random)


def one(case: Case, seed: int) -> tuple[float, float, float]:
    """Return half the sum of unique informations, what of it the sample has, and the excess."""
    random = np.random.default_rng([seed, case.classes, case.n])
    x, y = draw(case, random)
    d = fastpid.decompose_posteriors(
        x, y, bias="extrapolation", tol=5e-3, threads=1, on_failure="ignore"
    )
    own = 0.0 if case.channels == "crossed" else 0.5 * abs(d.mi_x - d.mi_y)
    return d.union_information - 0.5 * (d.mi_x + d.mi_y), own, d.details["bias"]


def row(case: Case, found: list[tuple[float, float, float]]) -> str:
    shown, own, excess = np.array(found).T
    error = shown.std(ddof=1) / np.sqrt(len(shown))
    return (
        f"| {case.channels} | {case.classes} | {case.n:,} | {case.draws} | {shown.mean():.3f} | "
        f"{excess.mean():.3f} | {(shown - excess).mean():.3f} | {own.mean():.3f} | "
        f"{(shown - excess - own).mean():+.3f} | {error:.3f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--smoke", action="store_true")
    smoke = parser.parse_args().smoke
    lines = [
        "# The excess of few posteriors",
        "",
        "Half the sum of the unique informations, in bits, means over draws: as they are, the",
        'excess that is found (`bias="extrapolation"`), what that leaves, and what there is of it',
        "in the samples: half the difference of both mutual informations. Of crossed channels the",
        "truth is not known; compare what is corrected between 500 and 2,000 samples.",
        "`python bench/studies/posteriors/study.py` makes this file.",
        "",
        "| channels | classes | N | draws | as it is | excess | corrected | truth | left | error |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    with Parallel(n_jobs=2) as parallel:
        for case in SMOKE if smoke else CASES:
            lines.append(row(case, parallel(delayed(one)(case, s) for s in range(case.draws))))
            print(lines[-1], flush=True)
    if not smoke:
        (HERE / "results.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
