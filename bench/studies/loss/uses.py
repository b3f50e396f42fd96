"""Three uses of an atom as a loss, each against its absence and a plain mutual information."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

import fastpid

ARMS = ("without", "information", "atom")
WEIGHTS = (0.3, 1.0, 3.0)
BATCH = 256

Samples = tuple[Tensor, Tensor, Tensor]


class Use(NamedTuple):
    """A task, what its arms add to the loss, and what is measured; the first number chooses."""

    title: str
    text: str
    names: Mapping[str, str]
    metrics: tuple[str, ...]
    run: Callable[[str, float, int, int], tuple[float, ...]]


def run_use(use: Use, arm: str, weight: float, seed: int, steps: int) -> tuple[float, ...]:
    """Train one arm with one seed; returns its metrics."""
    return use.run(arm, weight, seed, steps)


def encoder(inputs: int, outputs: int, hidden: int = 32) -> torch.nn.Module:
    return torch.nn.Sequential(
        torch.nn.Linear(inputs, hidden), torch.nn.Tanh(), torch.nn.Linear(hidden, outputs)
    )


def sensors(samples: int, generator: torch.Generator, target: Callable[..., Tensor]) -> Samples:
    """Noisy nonlinear mixtures of the bits (s, a) and (s, b), and a target made of s, a and b."""
    s, a, b = torch.randint(0, 2, (3, samples), generator=generator)
    mix = torch.randn(2, 2, 12, generator=torch.Generator().manual_seed(1))

    def view(bits: Tensor, m: Tensor) -> Tensor:
        noise = 0.3 * torch.randn(samples, 12, generator=generator)
        return torch.tanh((2.0 * bits.T - 1.0) @ m) + noise

    return view(torch.stack([s, a]), mix[0]), view(torch.stack([s, b]), mix[1]), target(s, a, b)


def train_codes(
    base: Mapping[str, float],
    extra: Mapping[str, float],
    codes: float,
    target: Callable[..., Tensor],
    classes: int,
    seed: int,
    steps: int,
) -> fastpid.Decomposition:
    """Train two encoders of one bit each; `codes` weighs the information between the two bits.

    Returns the decomposition of 20,000 samples.
    """
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    first, second = encoder(12, 2), encoder(12, 2)
    optimizer = torch.optim.Adam([*first.parameters(), *second.parameters()], lr=0.01)
    objective = {name: base.get(name, 0.0) + extra.get(name, 0.0) for name in {*base, *extra}}
    loss = fastpid.torch.PIDLoss(objective, num_classes=classes)
    for _ in range(steps):
        x, y, z = sensors(BATCH, generator, target)
        of_x, of_y = first(x), second(y)
        value = loss(of_x, of_y, z)
        if codes:
            value = value + codes * between(of_x.softmax(-1), of_y.softmax(-1))
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
    x, y, z = sensors(20_000, torch.Generator().manual_seed(10_000 + seed), target)
    with torch.no_grad():
        p = fastpid.torch.from_predictions(
            first(x), second(y), z, num_classes=classes, logits=True
        ).numpy()
    return fastpid.decompose(p, tol=1e-6)


def between(px: Tensor, py: Tensor) -> Tensor:
    """Return the mutual information in bits between two soft codes of the same samples."""
    p = px.T @ py / len(px)
    independent = p.sum(1, keepdim=True) * p.sum(0)
    value: Tensor = (p * (p / independent).log2()).sum()
    return value


def decorrelate(arm: str, weight: float, seed: int, steps: int) -> tuple[float, ...]:
    extra = {"redundancy": weight} if arm == "atom" else {}
    codes = weight if arm == "information" else 0.0
    base = {"mi_x": -1.0, "mi_y": -1.0}
    d = train_codes(base, extra, codes, lambda s, a, b: 4 * s + 2 * a + b, 8, seed, steps)
    return d.mi_xy, d.redundancy, d.mi_x + d.mi_y, d.synergy


def fuse(arm: str, weight: float, seed: int, steps: int) -> tuple[float, ...]:
    """Train for one objective by itself, whose weight is but the scale of the loss."""
    objective = {
        "without": {"mi_xy": -weight},
        "information": {"mi_xy": -weight, "mi_x": weight, "mi_y": weight},
        "atom": {"synergy": -weight},
    }[arm]
    d = train_codes(objective, {}, 0.0, lambda s, a, b: 2 * s + (a ^ b), 4, seed, steps)
    return d.synergy, d.redundancy, d.mi_xy, d.mi_x + d.mi_y


CLASSES, INPUTS, FEW = 6, 48, 240


def two_modalities(n: int, generator: torch.Generator, means: Tensor) -> Samples:
    """Draw what tells pairs of classes apart, and that easily, and what tells all, noisily."""
    z = torch.randint(0, CLASSES, (n,), generator=generator)
    x, y = torch.randn(2, n, INPUTS, generator=generator)
    return x + 0.8 * means[0][z // 2], y + 0.35 * means[1][z], z


def collapse(arm: str, weight: float, seed: int, steps: int) -> tuple[float, ...]:
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    means = torch.randn(2, CLASSES, INPUTS, generator=generator)
    xs, ys, zs = two_modalities(FEW, generator, means)
    first, second = encoder(INPUTS, CLASSES, 64), encoder(INPUTS, CLASSES, 64)
    # The second learns at a tenth of the speed, as deeper or harder modalities do.
    optimizer = torch.optim.Adam(
        [
            {"params": first.parameters(), "lr": 5e-3},
            {"params": second.parameters(), "lr": 5e-4},
        ]
    )
    objective = {"without": "mi_y", "information": "mi_y", "atom": "unique_y"}[arm]
    loss = fastpid.torch.PIDLoss({objective: -weight}, num_classes=CLASSES)
    for _ in range(steps):
        rows = torch.randint(0, FEW, (64,), generator=generator)
        of_x, of_y = first(xs[rows]), second(ys[rows])
        value = torch.nn.functional.cross_entropy(of_x + of_y, zs[rows])
        if arm != "without":
            value = value + loss(of_x, of_y, zs[rows])
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
    x, y, z = two_modalities(5_000, torch.Generator().manual_seed(10_000 + seed), means)
    with torch.no_grad():
        of_x, of_y = first(x), second(y)
        p = fastpid.torch.from_predictions(of_x, of_y, z, num_classes=CLASSES, logits=True).numpy()
        right = ((of_x + of_y).argmax(1) == z).double().mean().item()
        alone = (of_y.argmax(1) == z).double().mean().item()
    d = fastpid.decompose(p, tol=1e-6)
    return right, alone, d.unique_y, d.mi_y


USES = (
    Use(
        "Two views that are to say different things",
        "Both sensors know a bit s, each knows a bit of its own, and the target is all three. Each "
        "encoder has one bit and is trained to be informative by itself; joint information is at "
        "its most, 2 bits, where they do not both pass on s.",
        {
            "without": "informative each",
            "information": "less the information between the codes",
            "atom": "less redundancy",
        },
        ("mi_xy", "redundancy", "mi_x + mi_y", "synergy"),
        decorrelate,
    ),
    Use(
        "Fusion that is to find what only both know",
        "The same sensors, and the target (s, a xor b). Either bit of it is all that fits through "
        "the two encoders; the second takes both of them. Each objective stands alone: beside the "
        "joint information none finds the second bit, which the first one rules out. The "
        "objective in the second row is synergy less redundancy, and needs no decomposition.",
        {
            "without": "joint information",
            "information": "joint information less that of each",
            "atom": "synergy",
        },
        ("synergy", "redundancy", "mi_xy", "mi_x + mi_y"),
        fuse,
    ),
    Use(
        "A modality that is not to be forgotten",
        "Six classes; the first modality tells pairs of them apart and learns ten times as fast, "
        "the second tells all, noisily. 240 samples, one loss of the sum of the logits.",
        {
            "without": "cross-entropy alone",
            "information": "plus I(Y; Z)",
            "atom": "plus unique_y",
        },
        ("accuracy", "accuracy of the second alone", "unique_y", "mi_y"),
        collapse,
    ),
)
