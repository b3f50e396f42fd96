"""A small model of two modalities, its data, and a controller that trains it."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from fastpid.controller import AsyncController
from fastpid.torch.training import AsyncTraining

K = 3
NAMES = ("audio", "video")


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoders = nn.ModuleDict({name: nn.Linear(5, 4) for name in NAMES})
        self.heads = nn.ModuleDict({name: nn.Linear(4, K) for name in NAMES})
        self.fusion = nn.Linear(8, K)

    def alone(self, name, x):
        return self.heads[name](self.encoders[name](x).relu())

    def modules_of(self):
        return {n: nn.ModuleList([self.encoders[n], self.heads[n]]) for n in NAMES}

    def forward(self, views):
        return self.fusion(torch.cat([self.encoders[n](views[n]).relu() for n in NAMES], 1))


def data(n=240, seed=0):
    """Audio shows the label clearly, video hardly."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.randint(0, K, (n,), generator=generator)
    clear = nn.functional.one_hot(y, 5).float()
    noise = torch.randn(2, n, 5, generator=generator)
    return {"audio": 3 * clear + noise[0], "video": 0.7 * clear + noise[1]}, y


def batches_of(views, y, size=40):
    return [
        ({name: view[rows] for name, view in views.items()}, y[rows])
        for rows in torch.arange(len(y)).split(size)
    ]


def controlled(**options):
    return AsyncController(NAMES, **{"num_classes": K, "criterion": "pid", **options})


def hard(share, y, seed):
    rng = np.random.default_rng(seed)
    right = np.where(rng.random(len(y)) < share, y, rng.integers(0, K, len(y)))
    return torch.from_numpy(np.eye(K)[right])


def show(training, audio, video, n=600):
    """Observe predictions that are right for given shares of the samples."""
    y = np.arange(n) % K
    outputs = {"audio": hard(audio, y, 1), "video": hard(video, y, 2)}
    training.observe(outputs, torch.from_numpy(y))


def prepare(model=None, **options):
    torch.manual_seed(0)
    model = Model() if model is None else model
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    controller = controlled(**{"patience": 1, "max_epochs": 6, **options})
    training = AsyncTraining(
        controller, model.modules_of(), keep={"model": model, "optimizer": optimizer}
    )
    return model, optimizer, training


def unimodal_epoch(model, optimizer, training, loader):
    for (views, y), names in training.batches(loader):
        loss = sum(cross_entropy(model.alone(name, views[name]), y) for name in names)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def copy_of(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


def changed(model, before):
    """The submodules of which something changed."""
    now = model.state_dict()
    return {".".join(k.split(".")[:2]) for k in now if not torch.equal(now[k], before[k])}
