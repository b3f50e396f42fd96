"""How far atoms of three and four sources are off: posteriors of models, from known truth.

    python bench/studies/models/many.py           some five minutes of one core
    python bench/studies/models/many.py --smoke   some seconds, prints only

Posteriors of Gaussian views are known, so that what the door adds - calibration, clusters, the
excess, errors - can be told from what models learn; features of bits show the whole.
Writes many.md.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.special import entr, softmax

import fastpid

HERE = Path(__file__).resolve().parent
SHOWN = ("unique_0", "unique_1", "unique_2", "union_information", "synergy")


class Sample(NamedTuple):
    """Posteriors of every source and of all, or features, and labels."""

    sources: list[np.ndarray]
    joint: np.ndarray | None
    z: np.ndarray


def channels(strengths: tuple[float, ...], classes: int, n: int, seed: int) -> Sample:
    """Return posteriors of Gaussian views around a centre for each class, the same up to noise.

    For the class each is the best one with more noise, so that the union information is that of
    the best, and what the best has unique is what it has more than the second best.
    """
    rng = np.random.default_rng(seed)
    z = rng.integers(0, classes, n)
    logits = [s * (s * np.eye(classes)[z] + rng.normal(size=(n, classes))) for s in strengths]
    rows = [softmax(each, axis=1) for each in logits]
    return Sample(rows, softmax(sum(logits), axis=1), z)


def bits(target: Callable[[np.ndarray], np.ndarray], n: int, seed: int) -> Sample:
    """Return features of views of three bits, and a target of them."""
    rng = np.random.default_rng(seed)
    of_views = rng.integers(0, 2, (3, n))
    views = [6.0 * bit[:, None] * np.eye(8)[0] + rng.normal(size=(n, 8)) for bit in of_views]
    return Sample(views, None, target(of_views))


def truth_of_channels(strengths: tuple[float, ...], classes: int) -> dict[str, float]:
    """Return the values, in bits, from informations of a great many samples."""
    many = channels(strengths, classes, 400_000, 0)
    everything = (*many.sources, many.joint)
    mi = [float(np.log2(classes) - entr(r).sum(1).mean() / np.log(2.0)) for r in everything]
    *alone, joint = mi
    values = {f"unique_{i}": 0.0 for i in range(len(alone))}
    first, second = sorted(alone, reverse=True)[:2]
    if len(set(strengths)) == len(strengths):
        values[f"unique_{int(np.argmax(alone))}"] = first - second
    return {**values, "union_information": first, "synergy": joint - first}


class Case(NamedTuple):
    """A world, how it is drawn, what is true, and the options of the door."""

    name: str
    draw: Callable[[int], Sample]
    truth: dict[str, float]
    draws: int
    options: dict[str, Any] = {}  # noqa: RUF012 - never changed


def of_channels(strengths: tuple[float, ...], classes: int, n: int, draws: int) -> Case:
    """Return a case of channels."""
    kind = "equal" if len(set(strengths)) == 1 else "noisier and noisier"
    name = f"{len(strengths)} {kind} channels, {classes} classes, {n:,} samples"
    truth = truth_of_channels(strengths, classes)
    return Case(name, lambda seed: channels(strengths, classes, n, seed), truth, draws)


def cases() -> list[Case]:
    """Return what is tried."""
    parity = {"unique_0": 0.0, "unique_1": 0.0, "unique_2": 0.0}
    network = ("linear", "linear", "linear", "network")
    return [
        *(of_channels((1.5,) * 3, k, n, 3) for n in (500, 2000) for k in (2, 3, 5)),
        *(of_channels((2.0, 1.4, 1.0), k, 2000, 3) for k in (2, 3, 5)),
        of_channels((2.0, 1.5, 1.2, 1.0), 3, 2000, 2),
        Case(
            "three bits, all of them the target, 2,000 samples, features",
            lambda seed: bits(lambda b: b[0] + 2 * b[1] + 4 * b[2], 2000, seed),
            {"unique_0": 1.0, "unique_1": 1.0, "unique_2": 1.0, "union_information": 3.0}
            | {"synergy": 0.0},
            2,
            {"model": "linear"},
        ),
        Case(
            "parity of three bits, 2,000 samples, features",
            lambda seed: bits(lambda b: b[0] ^ b[1] ^ b[2], 2000, seed),
            parity | {"union_information": 0.0, "synergy": 1.0},
            2,
            {"model": network},
        ),
    ]


def measure(case: Case, n_bootstrap: int = 20) -> dict[str, Any]:
    """Return means of values, how often intervals hold the truth, and seconds."""
    plain, values, held, seconds = [], [], [], 0.0
    for seed in range(case.draws):
        sample = case.draw(seed)
        call = {"n_bootstrap": n_bootstrap, "n_permutations": 0, "threads": 1, "rng": seed}
        start = time.process_time()
        if sample.joint is None:
            e = fastpid.models.estimate_many(sample.sources, sample.z, **call, **case.options)
        else:
            e = fastpid.models.from_many_posteriors(sample.sources, sample.joint, sample.z, **call)
        seconds += time.process_time() - start
        plain.append([e.plug_in[name] for name in SHOWN])
        values.append([e.corrected[name] for name in SHOWN])
        held.append(
            [e.intervals[name][0] <= case.truth[name] <= e.intervals[name][1] for name in SHOWN]
        )
    return {
        "plain": np.mean(plain, axis=0),
        "values": np.mean(values, axis=0),
        "held": np.sum(held, axis=0),
        "seconds": seconds / case.draws,
    }


def line(case: Case, found: dict[str, Any]) -> str:
    """Return a row of the table."""
    cells = [
        f"{before:.3f} / {after:.3f} ({case.truth[name]:.3f}) {held}/{case.draws}"
        for name, before, after, held in zip(
            SHOWN, found["plain"], found["values"], found["held"], strict=True
        )
    ]
    return f"| {case.name} | {' | '.join(cells)} | {found['seconds']:.1f} |"


def main() -> None:
    """Measure, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--smoke", action="store_true")
    smoke = parser.parse_args().smoke
    tried = [of_channels((2.0, 1.4, 1.0), 2, 300, 1)] if smoke else cases()
    lines = [
        "# Atoms of three and four sources, from posteriors and from features",
        "",
        "Bits, means over draws: as posteriors claim / corrected (truth), and how many intervals "
        "of 95% held the truth. `python bench/studies/models/many.py` makes this file.",
        "",
        f"| world | {' | '.join(SHOWN)} | s |",
        f"|{'---|' * (len(SHOWN) + 2)}",
    ]
    for case in tried:
        lines.append(line(case, measure(case)))
        print(lines[-1], flush=True)
    if not smoke:
        (HERE / "many.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
