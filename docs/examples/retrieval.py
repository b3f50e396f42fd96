"""Train two encoders to find each other's samples, and read what pairs share about their class.

The left and the right half of images of digits, two encoders, and a symmetric contrastive loss: the
half that belongs to an image is to be found among those of a batch. Labels are not used in
training. What do the embeddings say of the digit then - both halves alike, each alone - and how
does that change with training? A linear classifier of each encoder reads it, on held-out images.

    python docs/examples/retrieval.py
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

import fastpid
from fastpid.models import ModelEstimate

NAMES, WIDTH, TEMPERATURE = ("left", "right"), 16, 0.1


def halves() -> tuple[dict[str, Tensor], NDArray[np.int64]]:
    """Return both halves of 1,797 images of digits, (n, 32) each, and the digits."""
    from sklearn.datasets import load_digits

    images, digits = load_digits(return_X_y=True)
    pixels = torch.tensor(images.reshape(-1, 8, 8) / 16.0, dtype=torch.float32)
    views = {"left": pixels[:, :, :4], "right": pixels[:, :, 4:]}
    return {name: view.reshape(-1, 32) for name, view in views.items()}, digits


def encoder() -> nn.Module:
    """Return a network from half an image to WIDTH numbers."""
    return nn.Sequential(nn.Linear(32, 128), nn.ReLU(), nn.Linear(128, WIDTH))


class Encoders(nn.Module):
    """An encoder for each half, trained by a symmetric contrastive loss."""

    def __init__(self) -> None:
        super().__init__()
        self.of = nn.ModuleDict({name: encoder() for name in NAMES})

    def forward(self, views: dict[str, Tensor]) -> list[Tensor]:
        """Return embeddings of length one, (n, WIDTH) of each half."""
        return [normalize(self.of[name](views[name]), dim=1) for name in NAMES]

    def loss(self, views: dict[str, Tensor]) -> Tensor:
        """Return how badly halves find each other among those of a batch."""
        left, right = self(views)
        similar = left @ right.T / TEMPERATURE
        own = torch.arange(len(similar))
        return 0.5 * (cross_entropy(similar, own) + cross_entropy(similar.T, own))


@torch.no_grad()
def found(model: Encoders, views: dict[str, Tensor]) -> float:
    """Return how often a left half's own right half is the closest of all."""
    left, right = model(views)
    return float(((left @ right.T).argmax(1) == torch.arange(len(left))).double().mean())


@torch.no_grad()
def read(model: Encoders, views: dict[str, Tensor], digits: NDArray[np.int64]) -> ModelEstimate:
    """Return what the embeddings say of the digit, by linear classifiers."""
    left, right = (embedded.double().numpy() for embedded in model(views))
    return fastpid.models.estimate(
        *(left, right, digits),
        model="linear",
        n_bootstrap=0,
        n_permutations=0,
        bias="none",
        n_symbols=150,
        threads=1,
        rng=0,
    )


def train(
    seed: int = 0, epochs: int = 60, looks: tuple[int, ...] = (0, 60)
) -> dict[int, tuple[float, ModelEstimate]]:
    """Return, by epoch, how often halves are found, and what they say of the digit."""
    torch.manual_seed(seed)
    views, digits = halves()
    order = torch.randperm(len(digits))
    trained, held_out = order[:800], order[800:]
    held = {name: view[held_out] for name, view in views.items()}
    model = Encoders()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    seen = {}
    for epoch in range(epochs + 1):
        if epoch in looks:
            seen[epoch] = found(model, held), read(model, held, digits[held_out.numpy()])
        for rows in trained[torch.randperm(800)].split(100):
            optimizer.zero_grad()
            model.loss({name: view[rows] for name, view in views.items()}).backward()
            optimizer.step()
    return seen


def main() -> None:
    """Print what is found and what it says of the digit, over training."""
    torch.set_num_threads(1)
    print("epoch  found  redundancy  only left  only right  synergy (bits)")
    for epoch, (share, e) in train(looks=(0, 5, 20, 60)).items():
        atoms = (e.redundancy, e.unique_x, e.unique_y, e.synergy)
        print(f"{epoch:5d}{share:7.2f}" + "".join(f"{value:11.2f}" for value in atoms))


if __name__ == "__main__":
    main()
