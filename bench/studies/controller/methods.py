"""Ways to train a classifier of several modalities within one budget of epochs."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
import time
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, one_hot

from controller.data import MultimodalData
from controller.network import Network
from fastpid.controller import AsyncController
from fastpid.torch.training import AsyncTraining

Batch = tuple[dict[str, Tensor], Tensor]


@dataclasses.dataclass(frozen=True)
class Budget:
    """What every method may spend: so many epochs, in each of which every encoder steps once.

    A modality that a controller holds back gives its steps away, so that an epoch takes as many
    steps of encoders in either phase. Epochs that are undone by restoring a state count.
    """

    epochs: int = 40
    batch: int = 16
    rate: float = 0.005
    momentum: float = 0.9
    decay: float = 1e-4


class Loader:
    """Shuffled batches of rows of tensors in memory; what is left over waits for another epoch."""

    def __init__(self, views: dict[str, Tensor], y: Tensor, batch: int, seed: int) -> None:
        self.views, self.y, self.batch = views, y, min(batch, len(y))
        self.random = torch.Generator().manual_seed(seed)

    def __len__(self) -> int:
        return len(self.y) // self.batch

    def __iter__(self) -> Iterator[Batch]:
        order = torch.randperm(len(self.y), generator=self.random)
        for rows in order[: len(self) * self.batch].split(self.batch):
            yield {name: view[rows] for name, view in self.views.items()}, self.y[rows]


class Run:
    """One network, the data that it is trained on, and what the training took."""

    def __init__(self, data: MultimodalData, budget: Budget, seed: int) -> None:
        torch.manual_seed(seed)
        self.data, self.budget, self.seed = data, budget, seed
        shapes = {name: view.shape[1:] for name, view in data.views.items()}
        self.net = Network(shapes, data.num_classes)
        self.optimizer = self.new_optimizer()
        self.parts = {
            part: (
                {name: torch.from_numpy(view[rows]) for name, view in data.views.items()},
                torch.from_numpy(data.y[rows]),
            )
            for part, rows in (("train", data.train), ("valid", data.valid), ("test", data.test))
        }
        self.loader = Loader(*self.parts["train"], budget.batch, seed)
        self.steps = 0  # of an encoder
        self.seconds = {"unimodal": 0.0, "validation": 0.0, "controller": 0.0, "joint": 0.0}

    def new_optimizer(self) -> torch.optim.Optimizer:
        """Return an optimizer that has no momentum yet."""
        return torch.optim.SGD(
            self.net.parameters(),
            lr=self.budget.rate,
            momentum=self.budget.momentum,
            weight_decay=self.budget.decay,
        )

    @property
    def budgeted(self) -> int:
        """How many steps of encoders the whole budget is."""
        return self.budget.epochs * len(self.loader) * len(self.data.views)

    def batches(self, steps: int, encoders: int) -> Iterator[Batch]:
        """Yield batches without end, for so many steps of encoders, so many of which step."""
        passes = itertools.chain.from_iterable(itertools.repeat(self.loader))
        return itertools.islice(passes, steps // encoders)

    def update(self, loss: Tensor, encoders: int, then: Callable[[], None] | None = None) -> None:
        """Take a step down a loss; `then` is called between gradient and step."""
        self.optimizer.zero_grad()
        loss.backward()
        if then is not None:
            then()
        self.optimizer.step()
        self.steps += encoders

    def unimodal_epoch(self, training: AsyncTraining, along: bool = False) -> None:
        """Train every modality alone, as much as it is given.

        The fusion may train along, on the features of all as they are: its gradient ends there.
        """
        start, net = time.process_time(), self.net
        for (views, y), names in training.batches(self.loader):
            used = views if along else {name: views[name] for name in names}
            features = net.features(used)
            losses = [cross_entropy(net.heads[name](features[name]), y) for name in names]
            if along:
                seen = {name: f.detach() for name, f in features.items()}
                losses.append(cross_entropy(net.fuse(seen), y))
            self.update(sum(losses), len(names))
        self.seconds["unimodal"] += time.process_time() - start

    def joint_epoch(self) -> None:
        """Train all modalities by the loss of their fusion."""
        start = time.process_time()
        for views, y in self.loader:
            self.update(cross_entropy(self.net(views), y), len(views))
        self.seconds["joint"] += time.process_time() - start

    def auxiliary_epoch(self) -> None:
        """Train all modalities by the loss of their fusion and by those of each one alone."""
        start, net = time.process_time(), self.net
        for views, y in self.loader:
            features = net.features(views)
            losses = [cross_entropy(net.heads[name](f), y) for name, f in features.items()]
            self.update(cross_entropy(net.fuse(features), y) + sum(losses), len(views))
        self.seconds["joint"] += time.process_time() - start

    def observe(self, training: AsyncTraining) -> None:
        """Show the controller what every modality predicts of the validation rows."""
        start = time.process_time()
        views, y = self.parts["valid"]
        with torch.no_grad():
            outputs = {name: self.net.alone(name, view) for name, view in views.items()}
        middle = time.process_time()
        training.observe(outputs, y, logits=True)
        self.seconds["validation"] += middle - start
        self.seconds["controller"] += time.process_time() - middle

    @torch.no_grad()
    def accuracy(self, part: str) -> float:
        """Return the share of rows that the fused classifier gets right."""
        views, y = self.parts[part]
        return float((self.net(views).argmax(1) == y).double().mean())


def joint_only(run: Run) -> dict[str, float]:
    """Train jointly from the start."""
    for _ in range(run.budget.epochs):
        run.joint_epoch()
    return {}


def auxiliary(run: Run) -> dict[str, float]:
    """Train jointly from the start, with the losses of the modalities' own classifiers added."""
    for _ in range(run.budget.epochs):
        run.auxiliary_epoch()
    return {}


def ogm_ge(run: Run, alpha: float = 0.5, share: float = 0.5) -> dict[str, float]:
    """Train jointly, for a share of the budget with the leading modality's gradients turned down.

    On-the-fly gradient modulation with generalisation enhancement (X. Peng, Y. Wei, A. Deng,
    D. Wang, D. Hu, "Balanced multimodal learning via on-the-fly gradient modulation", CVPR 2022).
    s_m is the sum over a batch of the probability that modality m alone gives the label. With r_m
    the ratio of s_m to that of the others (their mean), the gradient of m's encoder is multiplied
    by k_m = 1 - tanh(alpha r_m) if r_m > 1, and else left. Gaussian noise is added to it, with the
    standard deviation of the gradient's own entries, tensor by tensor, in place of the covariance
    of its noise, as in the authors' code; there, too, the second half of the training is left
    alone. "Modality m alone" is the fusion with the features of the others zero, which for a fusion
    that is not linear stands for m's part of the logits.
    """
    net = run.net

    def step(views: dict[str, Tensor], y: Tensor) -> None:
        features = net.features(views)
        with torch.no_grad():
            scores = {
                name: logits.softmax(1).gather(1, y[:, None]).sum()
                for name, logits in net.contributions(features).items()
            }

        def modulate() -> None:
            for name, factor in modulation(scores, alpha).items():
                for parameter in net.encoders[name].parameters():
                    noise = torch.randn_like(parameter) * parameter.grad.std()
                    parameter.grad.mul_(factor).add_(noise)

        run.update(cross_entropy(net.fuse(features), y), len(views), modulate)

    start = time.process_time()
    modulated = round(share * run.budget.epochs)
    for _ in range(modulated):
        for views, y in run.loader:
            step(views, y)
    run.seconds["joint"] += time.process_time() - start
    for _ in range(run.budget.epochs - modulated):
        run.joint_epoch()
    return {}


def modulation(scores: dict[str, Tensor], alpha: float) -> dict[str, Tensor]:
    """Return the factors k_m of the gradients, of the scores s_m."""
    factors = {}
    for name, score in scores.items():
        others = [other for key, other in scores.items() if key != name]
        ratio = score / torch.stack(others).mean()
        factors[name] = torch.where(ratio > 1.0, 1.0 - torch.tanh(alpha * ratio), 1.0)
    return factors


def alternating(run: Run, share: float = 0.3) -> dict[str, float]:
    """Train one modality after the other through the fusion, for a share of the budget.

    Every batch goes to each modality in turn: its encoder, and the fusion that they share, take a
    step down the loss of the fusion with the features of all others zero. Then jointly. The idea is
    that of alternating unimodal adaptation (X. Zhang et al., "Multimodal representation learning by
    alternating unimodal adaptation", CVPR 2024), without its change of the head's gradients and its
    weights at test time.
    """
    start, net = time.process_time(), run.net
    alone = round(share * run.budget.epochs)
    for _ in range(alone):
        for views, y in run.loader:
            for name in views:
                features = {name: net.encoders[name](views[name])}
                for other in views:
                    if other != name:
                        features[other] = torch.zeros_like(features[name])
                ordered = {other: features[other] for other in views}
                run.update(cross_entropy(net.fuse(ordered), y), 1)
    run.seconds["unimodal"] += time.process_time() - start
    for _ in range(run.budget.epochs - alone):
        run.joint_epoch()
    return {}


def prioritised(
    run: Run, share: float = 0.2, teaching: float = 0.05, distilled: float = 0.0
) -> dict[str, float]:
    """Train the fused model with the gradients of the stronger encoders set to zero at first.

    Sequential modality prioritisation (M. Rakib, A. Bagavathi, ICCV 2025, arXiv:2506.21514):
    modalities are ranked by the mean probability that classifiers of their own give the true class;
    only the weakest one's encoder trains (with the fusion) for a share of the budget, then also the
    next one's for as much, and so on, and all of them for the rest. The ranking takes classifiers
    that are trained first, for the share `teaching` of the budget, on the side. With `distilled`,
    targets are by so much the mean of what they predict.
    """
    start = time.process_time()
    names, budget = [*run.data.views], run.budgeted
    teachers = Run(run.data, run.budget, run.seed + 10**6)
    whole = math.lcm(*range(1, len(names) + 1))  # so that every stage takes all its steps
    even = round(teaching * budget / whole) * whole
    for views, y in teachers.batches(even, len(names)):
        losses = [cross_entropy(teachers.net.alone(name, views[name]), y) for name in names]
        teachers.update(sum(losses), len(names))
    run.steps += teachers.steps

    @torch.no_grad()
    def taught(views: dict[str, Tensor]) -> dict[str, Tensor]:
        return {name: teachers.net.alone(name, views[name]).softmax(1) for name in names}

    views, y = run.parts["valid"]
    scores = {name: float(p.gather(1, y[:, None]).mean()) for name, p in taught(views).items()}
    by_strength = sorted(names, key=scores.__getitem__)
    for count in range(1, len(names) + 1):
        left = budget - run.steps
        steps = left if count == len(names) else min(left, round(share * budget / whole) * whole)
        for views, y in run.batches(steps, count):
            features = {}
            for name in names:
                with torch.set_grad_enabled(name in by_strength[:count]):
                    features[name] = run.net.encoders[name](views[name])
            target: Tensor = one_hot(y, run.data.num_classes).float()
            if distilled > 0.0:
                mean = torch.stack([*taught(views).values()]).mean(0)
                target = (1.0 - distilled) * target + distilled * mean
            run.update(cross_entropy(run.net.fuse(features), target), count)
    run.seconds["joint"] += time.process_time() - start
    return {}


def controller_of(run: Run, **options) -> AsyncController:
    """Return a controller: the defaults, a look every second epoch, at most half the budget."""
    settings = {
        "every": 2,
        "max_epochs": max(2, run.budget.epochs // 2),
        "design_effect": run.data.design_effect,
        **options,
    }
    classes = run.data.num_classes
    if classes ** (len(run.data.views) + 1) > 10**6:
        settings["rest"] = "vote"
    return AsyncController(run.net.encoders, num_classes=classes, threads=1, **settings)


def two_stage(run: Run, controller: AsyncController, along: bool = True) -> dict[str, float]:
    """Train as a controller says, the fusion along from the start or from the second stage on.

    Returns what it measured in the state that joint training started from (the last of them, where
    modalities go back to different ones).
    """
    fusion = run.net.fusion if along else None
    training = AsyncTraining(controller, run.net.modules_of(), fusion=fusion)
    found: dict[str, float] = {}
    for epoch in range(run.budget.epochs):
        if training.phase == "joint":
            run.joint_epoch()
            continue
        run.unimodal_epoch(training, along)
        if training.due(epoch):
            run.observe(training)
        start = time.process_time()
        decision = training.decide(epoch)
        run.seconds["controller"] += time.process_time() - start
        if decision.start_joint:
            run.optimizer = run.new_optimizer()
            found = {"switch": epoch + 1}
            found |= metrics_at(controller, max(decision.restore_epochs.values()))
            for place, name in enumerate(controller.modalities):
                found[f"restore_{place}"] = decision.restore_epochs[name] + 1
                held = (d.shares[name] == 0.0 for d in controller.history)
                found[f"held_{place}"] = sum(held)
    return found


def metrics_at(controller: AsyncController, epoch: int) -> dict[str, float]:
    """Return the terms measured after an epoch, modalities by their number."""
    metrics = next(d.metrics for d in controller.history if d.epoch == epoch)
    terms = {name: metrics[name] for name in ("redundancy", "synergy", "mi_joint")}
    for place, name in enumerate(controller.modalities):
        terms[f"unique_{place}"] = metrics[f"unique/{name}"]
        terms[f"mi_{place}"] = metrics[f"mi/{name}"]
    return terms


def fixed(run: Run, share: float = 0.3, along: bool = True) -> dict[str, float]:
    """Train every modality alone and evenly for a share of the budget, then jointly."""
    epochs = max(1, round(share * run.budget.epochs))
    # A controller that looks once, at the end: that state is the only one to restore.
    options = {"criterion": "pid", "balance": 0.0, "every": epochs, "max_epochs": epochs}
    return two_stage(run, controller_of(run, **options), along)


def controlled(run: Run, criterion: str, along: bool = True, **options) -> dict[str, float]:
    """Train as a controller with such options says."""
    return two_stage(run, controller_of(run, criterion=criterion, **options), along)


METHODS: dict[str, Callable[[Run], dict[str, float]]] = {
    "joint only": joint_only,
    "auxiliary": auxiliary,
    "fixed": fixed,
    "OGM-GE": ogm_ge,
    "alternating": alternating,
    "prioritised": prioritised,
    "prioritised, distilled": functools.partial(
        prioritised, share=0.1, teaching=0.3, distilled=0.5
    ),
    "MI controller": functools.partial(controlled, criterion="mi"),
    "PID controller": functools.partial(controlled, criterion="pid"),
    "skill controller": functools.partial(controlled, criterion="skill"),
}
#: Those in which modalities train alone first, with the fusion along.
TWO_STAGES = ("fixed", "MI controller", "PID controller", "skill controller")


def later(method: str) -> str:
    """Return the name of a method of two stages whose fusion trains in the second one only."""
    return f"{method}, fusion later"


#: To tell what each part does: of which method, and what differs.
VARIANTS: dict[str, tuple[str, dict[str, object]]] = {
    **{later(method): (method, {"along": False}) for method in TWO_STAGES},
    "waits": ("PID controller", {"patience": 10**6}),
    "holds nobody": ("PID controller", {"balance": 0.0}),
    "margin 2": ("PID controller", {"margin": 2.0}),
    "hard predictions": ("PID controller", {"soft": False}),
    "union": ("PID controller", {"criterion": "union"}),
}
#: Schedules that are tried when the methods are tuned, three for each that has one.
SCHEDULES: dict[str, list[dict[str, object]]] = {
    "joint only": [{}],
    "auxiliary": [{}],
    "fixed": [{"share": share} for share in (0.15, 0.3, 0.5)],
    "OGM-GE": [{"alpha": alpha} for alpha in (0.25, 0.5, 1.0)],
    "alternating": [{"share": share} for share in (0.15, 0.3, 0.5)],
    "prioritised": [{"share": share} for share in (0.1, 0.2, 0.4)],
    "prioritised, distilled": [{"share": share} for share in (0.05, 0.1, 0.2)],
    "MI controller": [{"margin": margin} for margin in (0.5, 1.0, 2.0)],
    "PID controller": [{"margin": margin} for margin in (0.5, 1.0, 2.0)],
    "skill controller": [{"patience": patience} for patience in (2, 3, 5)],
}
SCHEDULES |= {later(method): SCHEDULES[method] for method in TWO_STAGES}
#: Every schedule is tried with each of these.
RATES = (0.005, 0.01, 0.02, 0.04)


def train(run: Run, method: str, schedule: Mapping[str, object]) -> dict[str, float]:
    """Train by a method, or a variant of one, and return what it did."""
    base, options = VARIANTS.get(method, (method, {}))
    return METHODS[base](run, **{**schedule, **options})


class Setting(NamedTuple):
    """A learning rate, and what else a method leaves open."""

    rate: float
    schedule: dict[str, object]
