"""Bias, coverage and type I error of fastpid.gaussian.estimate on known covariances.

    python bench/studies/gaussian/estimates.py           some minutes on two cores
    python bench/studies/gaussian/estimates.py --smoke   seconds, prints only

Writes estimates.md beside this file.
"""

from __future__ import annotations

import argparse
import platform
import sys
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2]))

import fastpid
import fastpid.gaussian
from fastpid._base.quantities import ATOMS

Floats = NDArray[np.float64]

FAMILIES = ("general", "unrelated", "equal", "equal, weak", "degraded", "orthogonal")
#: Beside those: channels that nearly are equal, ranks of bent columns, samples that depend on one
#: another (five in a group, half of whose variance is that of the group).
MORE = (
    *(("nearly equal", m, n) for m in (1, 2, 5) for n in (200, 1000, 5000)),
    *(
        (f"{family}, {how}", 2, n)
        for family in ("general", "equal")
        for how in ("copula", "groups")
        for n in (200, 1000)
    ),
)
DIMENSIONS = (1, 2, 5)
NUMBERS = (50, 200, 1000, 5000)
LEVEL = 0.05


def covariance(family: str, m: int, rng: np.random.Generator) -> Floats:
    """Return a covariance of m + m + m variables: two channels of a white target, and noise."""
    of_x, of_y = (np.linalg.qr(rng.normal(size=(m, m)))[0] for _ in "xy")
    of_y = of_y * np.linspace(0.5, 1.0, m)
    noise = np.eye(2 * m)
    if family == "unrelated":
        of_x = of_y = np.zeros((m, m))
    elif family == "equal":
        of_y = of_x
    elif family == "nearly equal":
        of_y = 0.9 * of_x
    elif family == "equal, weak":
        of_x = of_y = 0.2 * of_x
    elif family == "degraded":  # Y is X with noise of its own
        of_y = of_x
        noise[m:, m:] *= 2.0
        noise[:m, m:] = noise[m:, :m] = np.eye(m)
    elif family == "orthogonal":
        seen = np.diag(1.0 * (np.arange(m) % 2 == 0))
        of_x, of_y = seen, np.eye(m) - seen
    channels = np.concatenate([of_x, of_y])
    return np.block([[channels @ channels.T + noise, channels], [channels.T, np.eye(m)]])


def study(family: str, m: int, n_samples: int, runs: int, draws: int, seed: int) -> str:
    """Return a row of the table."""
    warnings.simplefilter("error")
    warnings.simplefilter("ignore", fastpid.UndersampledWarning)
    channels, copula = family.removesuffix(", copula"), family.endswith(", copula")
    channels, grouped = channels.removesuffix(", groups"), channels.endswith(", groups")
    cov = covariance(channels, m, np.random.default_rng([seed, m]))
    of_family = FAMILIES.index(family) if family in FAMILIES else [*family.encode()]
    rng = np.random.default_rng(np.hstack([seed, m, n_samples, of_family]))
    groups = np.arange(n_samples) // 5 if grouped else None
    d = fastpid.gaussian.decompose(cov, (m, m, m))
    truth = {atom: getattr(d, atom) for atom in ATOMS}
    root = np.linalg.cholesky(cov)
    plain, off, covered, refuted = [], [], [], []
    for _ in range(runs):
        white = rng.normal(size=(n_samples, 3 * m))
        if groups is not None:
            white = np.sqrt(0.5) * (white + rng.normal(size=(n_samples // 5, 3 * m))[groups])
        samples = white @ root.T
        if copula:
            samples = np.exp(samples)
        e = fastpid.gaussian.estimate(
            samples[:, :m],
            samples[:, m : 2 * m],
            samples[:, 2 * m :],
            n_bootstrap=draws,
            n_permutations=draws - 1,
            tol=1e-6,
            threads=1,
            rng=rng,
            copula=copula,
            groups=groups,
            bias="exact" if groups is None else "qe",
        )
        plain.append([getattr(e.decomposition, atom) - truth[atom] for atom in ATOMS])
        off.append([e.corrected[atom] - truth[atom] for atom in ATOMS])
        covered.append(
            [e.intervals[a][0] - 1e-9 <= truth[a] <= e.intervals[a][1] + 1e-9 for a in ATOMS]
        )
        refuted.append([e.p_values[atom] <= LEVEL for atom in ATOMS])
    words = [f"{m}, {m}, {m}", family, f"{n_samples:,}"]
    words.append(" / ".join(f"{v:+.3f}" for v in np.mean(plain, axis=0)))
    words.append(" / ".join(f"{v:+.3f}" for v in np.mean(off, axis=0)))
    words.append(" / ".join(f"{v:.0%}" for v in np.mean(covered, axis=0)))
    share = np.mean(refuted, axis=0)
    null = [abs(truth[atom]) < 1e-6 for atom in ATOMS]
    words.append(
        " / ".join(f"{v:.0%}" if zero else "-" for v, zero in zip(share, null, strict=True))
    )
    return "| " + " | ".join(words) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=60, help="sets of samples for every row")
    parser.add_argument("--draws", type=int, default=40, help="resamples, and permutations")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--smoke", action="store_true", help="few runs, print only")
    args = parser.parse_args()
    runs, numbers = (2, NUMBERS[:2]) if args.smoke else (args.runs, NUMBERS)
    start = time.perf_counter()
    cells = [
        (f, m, n, runs, args.draws, args.seed)
        for m in DIMENSIONS
        for f in FAMILIES
        for n in numbers
    ]
    more = MORE[::6] if args.smoke else MORE
    cells += [(f, m, n, runs, args.draws, args.seed) for f, m, n in more]
    rows = []
    with ProcessPoolExecutor(args.jobs) as pool:
        for row in pool.map(study, *zip(*cells, strict=True)):
            rows.append(row)
            print(row, flush=True)
    minutes = (time.perf_counter() - start) / 60.0
    text = f"""# Estimates from Gaussian samples

Written by `python bench/studies/gaussian/estimates.py --runs {runs} --draws {args.draws}
--seed {args.seed}` in {minutes:.1f} minutes on {args.jobs} cores,
Python {platform.python_version()}.

Every cell has four numbers, of redundancy / unique_x / unique_y / synergy; bits. Bias: what the
average of {runs} sets of samples is off by. Coverage of intervals of 95%. Refuted: how often p is
at most {LEVEL:.0%} where the atom is zero.

| dimensions of X, Y, Z | channels | samples | plug-in bias | bias left | coverage | refuted |
|---|---|---|---|---|---|---|
""" + "\n".join(rows)
    if not args.smoke:
        (HERE / "estimates.md").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
