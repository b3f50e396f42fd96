"""How often estimates of dependent samples are wrong: as they come, and with their dependence said.

Two sources and a target of three symbols each: latent first-order autoregressive series (or values
with an effect of their group), cut at the terciles of their law. In every world but the last some
atom's null hypothesis is true; the table counts how often it is refuted at 5% all the same, if the
samples are taken for independent ("plain") and if `estimate` is told of groups or blocks. In the
last, intervals of atoms that are not zero are held against the truth.

Run with ``python bench/studies/dependence/study.py [--smoke] [--replicates N]``.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed

import fastpid

ATOMS = ("redundancy", "unique_x", "unique_y", "synergy")
HERE = Path(__file__).parent
TERCILE = 0.4307273
PHI, N = 0.9, 600
#: The autocorrelation of a series is 0.9^k, and below 0.02 from here on.
BLOCK = 40

Draw = tuple[np.ndarray, np.ndarray, np.ndarray]


def series(random: np.random.Generator, n: int = N, phi: float = PHI) -> np.ndarray:
    """Draw a stationary series of unit variance."""
    noise = random.normal(size=n) * np.sqrt(1.0 - phi * phi)
    noise[0] = random.normal()
    for i in range(1, n):
        noise[i] += phi * noise[i - 1]
    return noise


def cut(values: np.ndarray) -> np.ndarray:
    """Cut a standard normal variable into three equally likely symbols."""
    return (values > -TERCILE).astype(int) + (values > TERCILE)


def channel(random: np.random.Generator, symbols: np.ndarray) -> np.ndarray:
    """Add a slow noise to symbols."""
    return cut(0.6 * np.sqrt(1.5) * (symbols - 1.0) + 0.8 * series(random, len(symbols)))


def apart(random: np.random.Generator) -> Draw:
    """Draw three series that have nothing to do with one another."""
    return cut(series(random)), cut(series(random)), cut(series(random))


def common_drive(random: np.random.Generator) -> Draw:
    """Draw a series y that drives x and z, which say nothing of each other beyond it."""
    y = cut(series(random))
    return channel(random, y), y, channel(random, y)


def noisy_drive(random: np.random.Generator) -> Draw:
    """See the driver through noise: x says something of z beyond that."""
    driver = cut(series(random))
    return channel(random, driver), channel(random, driver), channel(random, driver)


def in_groups(n_groups: int, size: int) -> np.ndarray:
    return np.repeat(np.arange(n_groups), size)


def levels(random: np.random.Generator, groups: np.ndarray) -> np.ndarray:
    """Draw a level for every group, and half as much variance inside of it."""
    of_group = random.normal(size=groups.max() + 1)[groups]
    return np.sqrt(2.0 / 3.0) * of_group + np.sqrt(1.0 / 3.0) * random.normal(size=len(groups))


def subjects(random: np.random.Generator) -> Draw:
    """Draw levels of 24 subjects in each variable, nothing to do with one another."""
    groups = in_groups(24, 25)
    x, y, z = (cut(levels(random, groups)) for _ in range(3))
    return x, y, z


def diagnosis(random: np.random.Generator) -> Draw:
    """Draw levels of subjects in the sources; the target is the same in all of a subject."""
    groups = in_groups(24, 25)
    z = random.permutation(np.arange(24) % 2)[groups]
    return cut(levels(random, groups)), cut(levels(random, groups)), z


def shared_levels(random: np.random.Generator) -> Draw:
    """Draw a level of each subject, in all variables, which are independent inside of it."""
    groups = in_groups(24, 25)
    level = random.normal(size=24)[groups]
    noise = random.normal(size=(3, len(groups)))
    x, y, z = (cut(np.sqrt(0.5) * level + np.sqrt(0.5) * each) for each in noise)
    return x, y, z


def informed(random: np.random.Generator, n_groups: int = 24) -> Draw:
    """Draw bits and their exclusive or, through noise whose rate differs between subjects."""
    groups = in_groups(n_groups, 25)
    x, y = random.integers(0, 2, (2, len(groups)))
    rate = random.beta(1.0, 4.0, groups.max() + 1)[groups]
    z = 2 * ((x ^ y) ^ (random.random(len(groups)) < rate)) + (x ^ (random.random(len(x)) < 0.1))
    return x, y, z


GROUPS = in_groups(24, 25)
#: World, how its dependence is said, and the atoms that it holds to be zero.
WORLDS: list[tuple[str, Callable[..., Draw], dict, tuple[str, ...]]] = [
    ("apart", apart, {"block_length": BLOCK}, ATOMS),
    ("common drive", common_drive, {"block_length": BLOCK}, ("unique_x", "synergy")),
    ("subjects", subjects, {"groups": GROUPS}, ATOMS),
    ("diagnosis", diagnosis, {"groups": GROUPS}, ATOMS),
    ("shared levels", shared_levels, {"groups": GROUPS, "permute": "within"}, ATOMS),
]


def estimate(draw: Draw, seed: int, how: dict, **options: object) -> fastpid.Estimate:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return fastpid.estimate(
            *draw, rng=seed, threads=1, n_bootstrap=100, n_permutations=199, **how, **options
        )


def p_values(world: Callable[..., Draw], how: dict, seed: int) -> dict[str, float]:
    draw = world(np.random.default_rng([seed, 17]))
    return dict(estimate(draw, seed, how, ci="none").p_values)


def type_one(replicates: int) -> list[str]:
    rows = [
        "| world | samples taken as | redundancy | unique_x | unique_y | synergy |",
        "|---|---|---|---|---|---|",
    ]
    for name, world, how, null in WORLDS:
        for said in ({}, how):
            found = Parallel(n_jobs=2)(
                delayed(p_values)(world, said, seed) for seed in range(replicates)
            )
            cells = [
                f"{np.mean([p[atom] <= 0.05 for p in found]):.1%}" if atom in null else ""
                for atom in ATOMS
            ]
            label = ", ".join(k if k == "groups" else f"{k}={v}" for k, v in said.items())
            rows.append(f"| {name} | {label or 'independent'} | {' | '.join(cells)} |")
            print(rows[-1], flush=True)
    return rows


def truth_of_noisy_drive() -> list[str]:
    random = np.random.default_rng(1)
    draws = [noisy_drive(random) for _ in range(2000)]
    table = fastpid.joint.from_samples(*(np.concatenate(each) for each in zip(*draws, strict=True)))
    d = fastpid.decompose(table.p)
    return [
        "The driver of x, y and z seen through noise (1.2 million samples): "
        f"unique_x {d.unique_x:.4f}, synergy {d.synergy:.4f} bit. Neither is zero: what is left of "
        "x given y is information about the driver."
    ]


def covered(truth: dict[str, float], how: str, n_groups: int, seed: int) -> dict[str, bool]:
    draw = informed(np.random.default_rng([seed, 29]), n_groups)
    said = {"groups": in_groups(n_groups, 25)} if how == "groups" else {}
    e = estimate(draw, seed, said)
    return {a: e.intervals[a][0] <= truth[a] <= e.intervals[a][1] for a in ATOMS}


def coverage(replicates: int) -> list[str]:
    random = np.random.default_rng(2)
    draws = [informed(random, 2000) for _ in range(20)]
    table = fastpid.joint.from_samples(*(np.concatenate(each) for each in zip(*draws, strict=True)))
    d = fastpid.decompose(table.p)
    truth = {a: getattr(d, a) for a in ATOMS}
    rows = [
        "| groups of 25 | samples taken as | redundancy | unique_x | unique_y | synergy |",
        "|---|---|---|---|---|---|",
    ]
    for n_groups in (8, 16, 24, 48):
        for how in ("independent", "groups"):
            found = Parallel(n_jobs=2)(
                delayed(covered)(truth, how, n_groups, seed) for seed in range(replicates)
            )
            cells = [f"{np.mean([f[a] for f in found]):.1%}" for a in ATOMS]
            rows.append(f"| {n_groups} | {how} | {' | '.join(cells)} |")
            print(rows[-1], flush=True)
    values = ", ".join(f"{a} {v:.4f}" for a, v in truth.items())
    return [f"Truth, from a million samples: {values} bit.", "", *rows]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--replicates", type=int, default=500)
    args = parser.parse_args()
    replicates = 4 if args.smoke else args.replicates
    start = time.perf_counter()
    text = [
        "# Errors of estimates of dependent samples",
        "",
        "## Refuted at 5% although true",
        "",
        *type_one(replicates),
        "",
        *truth_of_noisy_drive(),
        "",
        "## Intervals of 95% that contain the truth",
        "",
        *coverage(replicates),
        "",
    ]
    text[1:1] = [
        "",
        f"Written by `python bench/studies/dependence/study.py --replicates {replicates}` "
        f"({time.perf_counter() - start:.0f} s): {replicates} data sets a row, so that 5% has a "
        f"standard error of {np.sqrt(0.05 * 0.95 / replicates):.1%}.",
    ]
    if not args.smoke:
        (HERE / "results.md").write_text("\n".join(text))


if __name__ == "__main__":
    main()
