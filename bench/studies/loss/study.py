"""What PIDLoss does in training: its averaged table, its starts, and three uses over seeds.

* The table: atoms of a batch's own table and of averages over steps, against those of many samples
  by the same networks, while they learn and when they stand still.
* Several sources (sources.py): the same of three that stand still.
* The starts: over many steps of a training on fresh batches, every value against a cold solve.
* The uses (uses.py): two views that are to say different things, fusion that is to find what only
  both know, a modality that is not to be forgotten. Each without the term, with a plain mutual
  information in its place and with the atom; the weight of either is chosen on other seeds among
  the same few; all on samples never trained on.

Run with ``python bench/studies/loss/study.py [--smoke] [--seeds N] [--steps N]``.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from sources import study_sources
from uses import ARMS, USES, WEIGHTS, run_use

import fastpid

ATOMS = ("redundancy", "unique_x", "unique_y", "synergy")
HERE = Path(__file__).parent
CLASSES, PIXELS = 10, 392
DECAYS = (0.0, 0.9, 0.95, 0.98, 0.99)


class World:
    """Two views of ten classes, normal about means of their own, and two networks that learn."""

    def __init__(self, seed: int, hidden: int = 256) -> None:
        self._generator = torch.Generator().manual_seed(seed)
        self._means = 0.11 * torch.randn(2, CLASSES, PIXELS, generator=self._generator)
        torch.manual_seed(seed)
        self.networks = [
            torch.nn.Sequential(
                torch.nn.Linear(PIXELS, hidden), torch.nn.ReLU(), torch.nn.Linear(hidden, CLASSES)
            )
            for _ in range(2)
        ]
        weights = [w for network in self.networks for w in network.parameters()]
        self.optimizer = torch.optim.Adam(weights)

    def draw(self, n: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return fresh samples of both views, and their classes."""
        z = torch.randint(0, CLASSES, (n,), generator=self._generator)
        x, y = (
            means[z] + torch.randn(n, PIXELS, generator=self._generator) for means in self._means
        )
        return x, y, z

    def logits(self, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return what the networks make of the views."""
        first, second = self.networks
        return first(x), second(y)

    def learn(self, of_x: torch.Tensor, of_y: torch.Tensor, z: torch.Tensor, term=None) -> None:
        """Make a step towards the classes, and down a term."""
        loss = torch.nn.functional.cross_entropy(of_x + of_y, z)
        self.optimizer.zero_grad()
        (loss if term is None else loss + term).backward()
        self.optimizer.step()


def table(of_x: torch.Tensor, of_y: torch.Tensor, z: torch.Tensor) -> np.ndarray:
    p = fastpid.torch.from_predictions(
        of_x.detach(), of_y.detach(), z, num_classes=CLASSES, logits=True
    )
    return p.numpy()


def atoms(p: np.ndarray) -> np.ndarray:
    d = fastpid.decompose(p / p.sum(), tol=1e-5)
    return np.array([getattr(d, name) for name in ATOMS])


def rows_of(label: str, errors: dict[float, list[np.ndarray]], kind: str) -> list[str]:
    rows = []
    for decay, found in errors.items():
        e = np.array(found)
        value = np.sqrt((e**2).mean(0)) if kind == "rms" else e.mean(0)
        cells = " | ".join(f"{v:.3f}" for v in value)
        rows.append(f"| {label} | {decay:g} | {cells} |")
    return rows


def study_tables(steps: int, many: int) -> list[str]:
    world, n = World(5), 256
    big = world.draw(many)
    sums = {decay: np.zeros((CLASSES,) * 3) for decay in DECAYS}
    early: dict[float, list[np.ndarray]] = {decay: [] for decay in DECAYS}
    late: dict[float, list[np.ndarray]] = {decay: [] for decay in DECAYS}
    for step in range(steps):
        x, y, z = world.draw(n)
        of_x, of_y = world.logits(x, y)
        own = table(of_x, of_y, z)
        for decay in DECAYS:
            sums[decay] = decay * sums[decay] + own
        if step % 10 == 9:
            with torch.no_grad():
                truth = atoms(table(*world.logits(*big[:2]), big[2]))
            for decay in DECAYS:
                (early if step < 100 else late)[decay].append(atoms(sums[decay]) - truth)
        world.learn(of_x, of_y, z)
    still = {}
    for size in (64, n, 1024):
        errors: dict[float, list[np.ndarray]] = {decay: [] for decay in (0.0, 0.9, 0.98)}
        for _ in range(3):
            for decay in errors:
                total = np.zeros((CLASSES,) * 3)
                for _ in range(int(3 / (1 - decay))):
                    x, y, z = world.draw(size)
                    with torch.no_grad():
                        total = decay * total + table(*world.logits(x, y), z)
                errors[decay].append(atoms(total) - truth)
        still[size] = errors
    text = [
        f"Errors in bits of batches of {n} while the networks learn, against {many} samples by the",
        "same networks: root mean square.",
        "",
        f"| steps | decay | {' | '.join(ATOMS)} |",
        "|---|---|---|---|---|---|",
        *rows_of("up to 100", early, "rms"),
        *(rows_of(f"100 to {steps}", late, "rms") if steps > 100 else []),
        "",
        "Mean errors of batches of n by networks that stand still:",
        "",
        f"| n | decay | {' | '.join(ATOMS)} |",
        "|---|---|---|---|---|---|",
    ]
    for size, errors in still.items():
        text += rows_of(str(size), errors, "mean")
    return text


def study_starts(steps: int, decays: tuple[float, ...] = (0.0, 0.9, 0.98)) -> list[str]:
    rows = []
    for decay in decays:
        world, tol = World(7, hidden=64), 1e-3
        loss = fastpid.torch.PIDLoss({"synergy": -0.1}, num_classes=CLASSES, decay=decay, tol=tol)
        furthest, no_steps, sums = 0.0, 0, np.zeros((CLASSES,) * 3)
        for step in range(steps):
            x, y, z = world.draw(128)
            of_x, of_y = world.logits(x, y)
            term = loss(of_x, of_y, z)
            sums = decay * sums + table(of_x, of_y, z)
            world.learn(of_x, of_y, z, term)
            d = loss.decomposition
            cold = fastpid.decompose(sums / sums.sum(), tol=1e-2 * tol)
            if d.gap > tol or d.lower > cold.upper + 1e-9 or cold.lower > d.upper + 1e-9:
                raise AssertionError(f"decay {decay}, step {step}: {d} against {cold}")
            furthest = max(furthest, abs(d.union_information - cold.union_information))
            no_steps += d.iterations == 0
        rows.append(f"| {decay:g} | {steps} | {furthest:.1e} | {no_steps / steps:.0%} |")
    return [
        "Batches of 128, every value against a cold solve at a hundredth of the tolerance of 1e-3",
        "bit: all brackets overlap.",
        "",
        "| decay | steps | furthest union information, bits | solves without an iteration |",
        "|---|---|---|---|",
        *rows,
    ]


def study_uses(seeds: int, tuning: int, steps: int) -> list[str]:
    text = []
    for use in USES:
        chosen = {}
        started = len(text)
        for arm in ARMS:
            if arm == "without":
                chosen[arm] = 1.0
                continue
            scores = {
                w: np.mean([run_use(use, arm, w, 1000 + s, steps)[0] for s in range(tuning)])
                for w in WEIGHTS
            }
            chosen[arm] = max(scores, key=scores.__getitem__)
        runs = {
            arm: np.array([run_use(use, arm, chosen[arm], s, steps) for s in range(seeds)])
            for arm in ARMS
        }
        text += ["", f"### {use.title}", "", use.text, ""]
        text += [f"| trained | weight | {' | '.join(use.metrics)} |", "|---" * 6 + "|"]
        for arm in ARMS:
            mean, error = runs[arm].mean(0), runs[arm].std(0, ddof=1) / np.sqrt(seeds)
            cells = " | ".join(f"{m:.3f} ± {e:.3f}" for m, e in zip(mean, error, strict=True))
            weight = "" if arm == "without" else f"{chosen[arm]:g}"
            text.append(f"| {use.names[arm]} | {weight} | {cells} |")
        for other in ("without", "information"):
            d = runs["atom"][:, 0] - runs[other][:, 0]
            text.append(
                f"\n{use.metrics[0]}, the last row less that of '{use.names[other]}': "
                f"{d.mean():+.3f} ± {d.std(ddof=1) / np.sqrt(seeds):.3f}."
            )
        print("\n".join(text[started:]), flush=True)
    return text


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--steps", type=int, default=10_000)
    args = parser.parse_args()
    torch.set_num_threads(1)
    start = time.perf_counter()
    smoke = args.smoke
    tables = study_tables(*((20, 500) if smoke else (400, 20_000)))
    sources = study_sources(*((2, 1_000) if smoke else (20, 1_000_000)))
    starts = study_starts(30 if smoke else args.steps)
    uses = study_uses(*((2, 1, 2) if smoke else (args.seeds, 2, 200)))
    text = [
        "# PIDLoss in training",
        "",
        f"Written by `python bench/studies/loss/study.py --seeds {args.seeds} --steps {args.steps}`"
        f" ({time.perf_counter() - start:.0f} s).",
        "",
        "## The table",
        "",
        *tables,
        "",
        "## Three sources",
        "",
        *sources,
        "",
        "## The starts",
        "",
        *starts,
        "",
        "## The uses",
        "",
        f"Means over {args.seeds} seeds with their standard errors, on samples never trained on.",
        "The weight of a term is the best of "
        f"{', '.join(f'{w:g}' for w in WEIGHTS)} by the first column, on two other seeds.",
        *uses,
        "",
    ]
    if smoke:
        print("\n".join(text))
    else:
        (HERE / "results.md").write_text("\n".join(text))


if __name__ == "__main__":
    main()
