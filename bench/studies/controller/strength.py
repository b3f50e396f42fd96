"""Who competes with how much: what each modality gets of the first joint epochs."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable

import torch
from torch.nn.functional import cross_entropy

from controller.data import MultimodalData
from controller.methods import Budget, Run, controller_of, metrics_at
from fastpid.torch.training import AsyncTraining

#: Joint epochs over which the shares are measured.
EARLY = 2


def shares_of(run: Run) -> dict[str, float]:
    """Train jointly for EARLY epochs, and return what each modality got, by its number.

    The share of gradient is that of the norm of its encoder's gradients, and that of logits is the
    share of their variance over a batch when the features of all others are zero; both are averages
    over the steps.
    """
    names = [*run.data.views]
    gradients = dict.fromkeys(names, 0.0)
    logits = dict.fromkeys(names, 0.0)
    for _ in range(EARLY):
        for views, y in run.loader:
            features = run.net.features(views)
            with torch.no_grad():
                alone = run.net.contributions(features)
            spread = {name: float(alone[name].var(dim=0).sum()) for name in names}
            found: dict[str, float] = {}

            def measure(found: dict[str, float] = found) -> None:
                for name in names:
                    squares = [p.grad.square().sum() for p in run.net.encoders[name].parameters()]
                    found[name] = math.sqrt(float(sum(squares)))

            run.update(cross_entropy(run.net.fuse(features), y), len(views), measure)
            for name in names:
                gradients[name] += found[name] / max(sum(found.values()), 1e-30)
                logits[name] += spread[name] / max(sum(spread.values()), 1e-30)
    steps = EARLY * len(run.loader)
    of_gradient = {f"gradient_{i}": gradients[name] / steps for i, name in enumerate(names)}
    return of_gradient | {f"logits_{i}": logits[name] / steps for i, name in enumerate(names)}


def strength(
    experiment: str, load: Callable[[int], MultimodalData], seed: int, budget: Budget
) -> list[dict[str, object]]:
    """Train the modalities alone, evenly, and measure a joint start from several epochs of it."""
    torch.set_num_threads(1)
    data = load(seed)
    alone = Run(data, budget, seed)
    controller = controller_of(
        alone, criterion="pid", every=1, balance=0.0, margin=1e9, max_epochs=None
    )
    training = AsyncTraining(controller, alone.net.modules_of())
    starts = sorted({round(share * budget.epochs) for share in (0.0, 0.05, 0.1, 0.2, 0.3, 0.5)})
    rows: list[dict[str, object]] = []
    for epoch in range(starts[-1] + 1):
        alone.observe(training)
        training.decide(epoch)
        if epoch in starts:
            run = Run(data, budget, seed)
            run.net.load_state_dict(copy.deepcopy(alone.net.state_dict()))
            rows.append(
                {"experiment": experiment, "seed": seed, "start": epoch}
                | shares_of(run)
                | metrics_at(controller, epoch)
            )
        alone.unimodal_epoch(training)
    return rows
