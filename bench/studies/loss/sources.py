"""What a batch's table, and an average of them, get wrong of three sources that stand still."""

from __future__ import annotations

import numpy as np
import torch

import fastpid

CLASSES, FEATURES, CHUNK = 5, 8, 50_000
DECAYS = (0.0, 0.9, 0.98)


class Views:
    """Three views of the classes, normal about means of their own, and their Bayes classifiers."""

    def __init__(self, seed: int) -> None:
        self._generator = torch.Generator().manual_seed(seed)
        self._means = 0.6 * torch.randn(3, CLASSES, FEATURES, generator=self._generator)

    def draw(self, n: int) -> tuple[list[torch.Tensor], torch.Tensor]:
        """Return the logits of fresh samples, and their classes."""
        z = torch.randint(0, CLASSES, (n,), generator=self._generator)
        logits = []
        for means in self._means:
            x = means[z] + torch.randn(n, FEATURES, generator=self._generator)
            logits.append(x @ means.T - 0.5 * means.square().sum(1))
        return logits, z


def atoms(d: fastpid.ManyDecomposition) -> np.ndarray:
    """Return redundancy, the unique informations and what pairs share, averaged, and synergy."""
    pairs = np.mean([d.coverage[pair] for pair in ((0, 1), (0, 2), (1, 2))])
    return np.array([d.redundancy, pairs, np.mean(d.unique), d.synergy])


def decompose_average(views: Views, n: int, decay: float, steps: int) -> np.ndarray:
    """Return the atoms of the average of tables that a loss keeps."""
    # An objective that takes no solve: the average is what counts.
    loss = fastpid.torch.PIDLoss("mi_joint", num_classes=CLASSES, decay=decay, tol=1e-4)
    for _ in range(steps):
        loss(*views.draw(n))
    return atoms(loss.decomposition)


def study_sources(repeats: int, many: int) -> list[str]:
    """Return the text and the table of mean errors."""
    views = Views(3)
    truth = decompose_average(views, min(CHUNK, many), 1.0 - 1e-12, max(1, many // CHUNK))
    rows = []
    for n in (64, 256, 1024):
        for decay in DECAYS:
            steps = int(4 / (1 - decay))
            errors = [decompose_average(views, n, decay, steps) - truth for _ in range(repeats)]
            cells = " | ".join(f"{e:.3f}" for e in np.mean(errors, axis=0))
            rows.append(f"| {n} | {decay:g} | {cells} |")
    exact = ", ".join(f"{value:.3f}" for value in truth)
    return [
        f"Three Bayes classifiers of {CLASSES} classes that stand still; mean errors in bits of",
        f"{repeats} averages of batches of n. By {many} samples the four are {exact}.",
        "",
        "| n | decay | redundancy | shared by two | unique | synergy |",
        "|---|---|---|---|---|---|",
        *rows,
    ]
