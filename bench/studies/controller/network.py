"""Small two-stage networks: an encoder and a classifier of its own a modality, and a fusion."""

from __future__ import annotations

import torch
from torch import Tensor, nn

WIDTH = 128


def encoder(shape: tuple[int, ...]) -> nn.Module:
    """Return an encoder to WIDTH numbers.

    Of features (n, d), series (n, channels, length) or images (n, channels, height, width).
    """
    if len(shape) == 1:
        return nn.Sequential(
            nn.Linear(shape[0], WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH), nn.ReLU()
        )
    if len(shape) == 3:
        return nn.Sequential(
            nn.Conv2d(shape[0], 16, 5, stride=2),
            nn.ReLU(),
            nn.Conv2d(16, WIDTH, 5, stride=2),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )
    return nn.Sequential(
        nn.Conv1d(shape[0], 16, 7, stride=3),
        nn.ReLU(),
        nn.Conv1d(16, WIDTH, 5, stride=2),
        nn.ReLU(),
        nn.AdaptiveAvgPool1d(1),
        nn.Flatten(),
    )


class Network(nn.Module):
    """Encoders by modality, their own classifiers, and one of all their features side by side."""

    def __init__(self, shapes: dict[str, tuple[int, ...]], num_classes: int) -> None:
        super().__init__()
        self.encoders = nn.ModuleDict({name: encoder(shape) for name, shape in shapes.items()})
        self.heads = nn.ModuleDict({name: nn.Linear(WIDTH, num_classes) for name in shapes})
        self.fusion = nn.Sequential(
            nn.Linear(WIDTH * len(shapes), WIDTH), nn.ReLU(), nn.Linear(WIDTH, num_classes)
        )

    def alone(self, name: str, x: Tensor) -> Tensor:
        """Return what a modality's own classifier says, logits (n, num_classes)."""
        return self.heads[name](self.encoders[name](x))

    def features(self, views: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the features of modalities, (n, WIDTH) each."""
        return {name: self.encoders[name](view) for name, view in views.items()}

    def forward(self, views: dict[str, Tensor]) -> Tensor:
        """Return the logits of all modalities together."""
        return self.fuse(self.features(views))

    def fuse(self, features: dict[str, Tensor]) -> Tensor:
        """Return the logits that the features of all modalities give."""
        return self.fusion(torch.cat([*features.values()], dim=1))

    def contributions(self, features: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the fused logits of each modality with the features of all others zero."""
        return {
            name: self.fuse(
                {
                    other: f if other == name else torch.zeros_like(f)
                    for other, f in features.items()
                }
            )
            for name in features
        }

    def modules_of(self) -> dict[str, nn.Module]:
        """Return what belongs to each modality alone."""
        return {
            name: nn.ModuleList([self.encoders[name], self.heads[name]]) for name in self.encoders
        }
