"""The neural estimator of Liang et al. 2023, from its equations, for comparison.

P. P. Liang et al., "Quantifying & modeling multimodal interactions", NeurIPS 2023, section 3.2
(BATCH). Of a batch of m samples, a coupling for each class

    q(x_i, y_j, z) in proportion to exp(f(x_i, z) . g(y_j, z))

is scaled by Sinkhorn's iterations to the marginals p(z | x_i) / m and p(z | y_j) / m, which
classifiers of either view say; the networks f and g are trained to make I_q(X, Y; Z) small. A
third classifier says I(X, Y; Z).

Written from the equations, not from the authors' code. The classifiers are not calibrated, the
atoms are those of batches of samples that nothing was fitted to.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import nn

BATCH, ITERATIONS = 256, 20
EPOCHS_OF_CLASSIFIERS, EPOCHS = 30, 15


def atoms(x: np.ndarray, y: np.ndarray, z: np.ndarray, seed: int) -> dict[str, float]:
    """Return the atoms of two views and a target, in bits."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(z))
    held_out, fitted = order[: len(z) // 5], order[len(z) // 5 :]
    labels = torch.as_tensor(np.unique(z, return_inverse=True)[1])
    classes = int(labels.max()) + 1
    views = [torch.as_tensor(_scaled(view, fitted), dtype=torch.float32) for view in (x, y)]
    views.append(torch.cat(views, dim=1))
    logs = [_classifier(view, labels, classes, fitted) for view in views]
    networks = [_network(view.shape[1], 32 * classes) for view in views[:2]]
    _train(networks, views, logs, fitted, classes, rng)
    p_z = torch.bincount(labels, minlength=classes) / len(labels)
    with torch.no_grad():
        unions = [
            float(_information(_coupling(networks, views, logs, part, classes)))
            for part in _batches(held_out, rng)
        ]
        entropy = -float((p_z * p_z.log()).sum())
        said = [entropy + float((log.exp() * log)[held_out].sum(dim=1).mean()) for log in logs]
    union, (mi_x, mi_y, mi_xy) = float(np.mean(unions)), said
    nats = {
        "redundancy": mi_x + mi_y - union,
        "unique_x": union - mi_y,
        "unique_y": union - mi_x,
        "synergy": mi_xy - union,
    }
    return {name: value / math.log(2.0) for name, value in nats.items()}


def _scaled(view: np.ndarray, fitted: np.ndarray) -> np.ndarray:
    return (view - view[fitted].mean(axis=0)) / (view[fitted].std(axis=0) + 1e-9)


def _network(width: int, out: int) -> nn.Module:
    return nn.Sequential(
        *(nn.Linear(width, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, out))
    )


def _batches(rows: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    shuffled = rng.permutation(rows)
    size = min(BATCH, len(rows))
    return [shuffled[i : i + size] for i in range(0, len(rows) - size + 1, size)]


def _classifier(
    view: torch.Tensor, labels: torch.Tensor, classes: int, fitted: np.ndarray
) -> torch.Tensor:
    """Return the logarithms of a classifier's posteriors of all samples."""
    model = _network(view.shape[1], classes)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1.0)
    rows = torch.as_tensor(fitted)
    for _ in range(EPOCHS_OF_CLASSIFIERS):
        for part in rows[torch.randperm(len(rows))].split(128):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(view[part]), labels[part]).backward()
            optimizer.step()
    with torch.no_grad():
        return model(view).log_softmax(dim=1)


def _coupling(
    networks: list[nn.Module],
    views: list[torch.Tensor],
    logs: list[torch.Tensor],
    part: np.ndarray,
    classes: int,
) -> torch.Tensor:
    """Return log q(i, j, z) of a batch."""
    m = len(part)
    f, g = (
        network(view[part]).reshape(m, classes, -1)
        for network, view in zip(networks, views[:2], strict=True)
    )
    log_q = torch.einsum("ize,jze->ijz", f, g) / math.sqrt(f.shape[-1])
    of_x, of_y = (log[part] - math.log(m) for log in logs[:2])
    for _ in range(ITERATIONS):
        log_q = log_q + (of_x - log_q.logsumexp(dim=1))[:, None]
        log_q = log_q + (of_y - log_q.logsumexp(dim=0))[None]
    return log_q - log_q.logsumexp(dim=(0, 1, 2))


def _information(log_q: torch.Tensor) -> torch.Tensor:
    """Return I_q(X, Y; Z) in nats."""
    rest = log_q.logsumexp(dim=2, keepdim=True) + log_q.logsumexp(dim=(0, 1))
    return (log_q.exp() * (log_q - rest)).sum()


def _train(
    networks: list[nn.Module],
    views: list[torch.Tensor],
    logs: list[torch.Tensor],
    fitted: np.ndarray,
    classes: int,
    rng: np.random.Generator,
) -> None:
    parameters = [p for network in networks for p in network.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=1e-3)
    for _ in range(EPOCHS):
        for part in _batches(fitted, rng):
            optimizer.zero_grad()
            _information(_coupling(networks, views, logs, part, classes)).backward()
            optimizer.step()
