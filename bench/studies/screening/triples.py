"""What a screen of triples is off by, before and after its correction, and what its G-tests find.

    python bench/studies/screening/triples.py           half a minute on one core
    python bench/studies/screening/triples.py --smoke   seconds, prints only

Tables of three sources and a target of three symbols each, drawn from distributions whose atoms are
known: decompose_many() of the distribution itself. Every draw is a triple of columns of its own
samples. Writes triples.md beside this file.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

import numpy as np

import fastpid
from fastpid.screening import screen_triples
from fastpid.screening._source_triples import ATOMS

HERE = Path(__file__).resolve().parent
SIZES = (200, 1000)
LEVEL = 0.05


def worlds() -> dict[str, np.ndarray]:
    """Return distributions (3, 3, 3, 3), the target last."""
    channel = np.full((3, 3), 0.1) + 0.7 * np.eye(3)
    even = np.full((3, 3), 1.0 / 3.0)
    first, second, third = np.indices((3, 3, 3))
    rng = np.random.default_rng(0)

    def function(z: np.ndarray) -> np.ndarray:
        """Equally likely triples of symbols, the target replaced by another in three tenths."""
        return (0.7 * np.eye(3)[z] + 0.1) / 27.0

    def views(*channels: np.ndarray) -> np.ndarray:
        return np.einsum("az,bz,cz->abcz", *channels) / 3.0

    return {
        "nothing": np.full((3, 3, 3, 3), 1.0 / 81.0),
        "sum of all modulo 3": function((first + second + third) % 3),
        "least of all": function(np.minimum(np.minimum(first, second), third)),
        "one source": views(channel, even, even),
        "first or second, by the third": function(np.where(third == 0, second, first)),
        "three views of the target": views(channel, channel, channel),
        "a random distribution": rng.dirichlet(np.full(81, 0.3)).reshape(3, 3, 3, 3),
    }


def study(p: np.ndarray, n: int, draws: int, seed: int) -> dict[str, tuple[float, ...]]:
    """Return of every atom its truth, both biases, and the share of p-values up to LEVEL."""
    truth = fastpid.decompose_many(p)
    known = [*truth.coverage.values(), truth.synergy]
    rng = np.random.default_rng([seed, n])
    found = []
    for _ in range(draws):
        cells = np.unravel_index(rng.choice(81, n, p=p.ravel()), p.shape)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", fastpid.UndersampledWarning)
            found.append(screen_triples(np.stack(cells[:3], axis=1), cells[3], test="g").records)
    records = np.concatenate(found)
    out = {}
    for atom, value in zip(ATOMS, known, strict=True):
        tested = records[f"p_{atom}"][~np.isnan(records[f"p_{atom}"])]
        rare = float(np.mean(tested <= LEVEL)) if tested.size else float("nan")
        plain, corrected = (
            float(records[f"{of}{atom}"].mean() - value) for of in ("", "corrected_")
        )
        out[atom] = (float(value), plain, corrected, rare)
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--smoke", action="store_true")
    smoke = parser.parse_args().smoke
    draws = 5 if smoke else 400
    lines = [
        "# Screens of triples: bias and G-tests",
        "",
        f"Written by `python bench/studies/screening/triples.py`: {draws} draws each. Of "
        "atoms of a triple, in bits: the truth, the mean error of plain and of corrected values, "
        f"and how often the p-value of a G-test is at most {LEVEL:.0%} (nan: too few samples).",
        "",
        "| world | samples | atom | truth | plain | corrected | found |",
        "|---|---|---|---|---|---|---|",
    ]
    errors: dict[tuple[int, bool], list[tuple[float, float]]] = {}
    for number, (world, p) in enumerate(worlds().items()):
        for n in SIZES:
            found = study(p, n, draws, number)
            for atom, (truth, plain, corrected, rare) in found.items():
                errors.setdefault((n, atom == "synergy"), []).append((abs(plain), abs(corrected)))
                if atom in ("unique_0", "unique_2", "shared_0_1", "redundancy", "synergy"):
                    lines.append(
                        f"| {world} | {n} | {atom} | {truth:.3f} | {plain:+.3f} | {corrected:+.3f} "
                        f"| {rare:.1%} |"
                    )
    lines += ["", "| samples | atoms | mean error, plain | corrected |", "|---|---|---|---|"]
    for (n, synergy), pairs in errors.items():
        plain, corrected = np.mean(pairs, axis=0)
        kind = "synergy" if synergy else "coverage atoms"
        lines.append(f"| {n} | {kind} | {plain:.4f} | {corrected:.4f} |")
    text = "\n".join([*lines, ""])
    print(text)
    if not smoke:
        (HERE / "triples.md").write_text(text)


if __name__ == "__main__":
    main()
