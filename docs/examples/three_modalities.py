"""Train three modalities of which one is learnt by heart, alone first and then jointly.

The label is three bits. Text shows the first of them plainly, beside hundreds of features that say
nothing; audio shows the second and video the third, by products of features, which take longer to
learn. Trained jointly from the start, text explains the training labels before the others have been
learnt. The controller holds it back, and starts joint training where what the modalities predict of
held-out samples is best. What fuses them trains along from the first, on features that it does not
change.

    python docs/examples/three_modalities.py
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from fastpid.controller import AsyncController
from fastpid.torch.training import AsyncTraining

NAMES, CLASSES, WIDTH = ("text", "audio", "video"), 8, 64
Samples = tuple[dict[str, Tensor], Tensor]


def samples(count: int, seed: int) -> Samples:
    """Return features of three modalities, and labels of three bits."""
    generator = torch.Generator().manual_seed(seed)
    signs = 2.0 * torch.randint(0, 2, (3, count), generator=generator) - 1.0
    mix = torch.randn(2, 12, 32, generator=torch.Generator().manual_seed(0)) / 3.0

    def random(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    def hidden(sign: Tensor, m: Tensor) -> Tensor:
        carrier = random(count).sign()
        latent = torch.stack([0.3 * sign, carrier, carrier * sign], dim=1)
        return (torch.cat([latent, random(count, 9)], dim=1) @ m).tanh() + 0.2 * random(count, 32)

    views = {
        "text": torch.cat(
            [2.0 * signs[0][:, None] + 0.5 * random(count, 4), random(count, 600)], 1
        ),
        "audio": hidden(signs[1], mix[0]),
        "video": hidden(signs[2], mix[1]),
    }
    return views, (torch.tensor([1.0, 2.0, 4.0]) @ (signs > 0).float()).long()


class Model(nn.Module):
    """An encoder and a classifier of its own for each modality, and one of all together."""

    def __init__(self, views: dict[str, Tensor]) -> None:
        super().__init__()
        self.encoders = nn.ModuleDict(
            {
                name: nn.Sequential(
                    nn.Linear(view.shape[1], WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH)
                )
                for name, view in views.items()
            }
        )
        self.heads = nn.ModuleDict({name: nn.Linear(WIDTH, CLASSES) for name in views})
        self.fusion = nn.Sequential(nn.ReLU(), nn.Linear(WIDTH * len(views), CLASSES))

    def features(self, views: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return what the encoders make of the modalities, (n, WIDTH) each."""
        return {name: net(views[name]) for name, net in self.encoders.items()}

    def alone(self, name: str, features: Tensor) -> Tensor:
        """Return what a modality's own classifier says, logits (n, CLASSES)."""
        return self.heads[name](features.relu())

    def fuse(self, features: dict[str, Tensor]) -> Tensor:
        """Return the logits of all modalities together."""
        return self.fusion(torch.cat([*features.values()], 1))


def train(first_alone: bool, epochs: int = 30, seed: int = 0) -> tuple[float, AsyncController]:
    """Return the accuracy on samples never trained on, and what was decided."""
    torch.manual_seed(seed)
    (views, y), (valid, labels) = samples(1200, 3 * seed + 1), samples(600, 3 * seed + 2)
    rows = torch.arange(1200).split(24)
    batches = [({name: view[r] for name, view in views.items()}, y[r]) for r in rows]
    model = Model(views)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    controller = AsyncController(NAMES, num_classes=CLASSES, max_epochs=20)
    modules = {n: nn.ModuleList([model.encoders[n], model.heads[n]]) for n in NAMES}
    training = AsyncTraining(controller, modules, fusion=model.fusion)

    def step(loss: Tensor) -> None:
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    for epoch in range(epochs):
        if training.phase == "joint" or not first_alone:
            for some, z in batches:
                step(cross_entropy(model.fuse(model.features(some)), z))
            continue
        for (some, z), names in training.batches(batches):
            features = model.features(some)
            loss = sum(cross_entropy(model.alone(name, features[name]), z) for name in names)
            still = {name: f.detach() for name, f in features.items()}
            step(loss + cross_entropy(model.fuse(still), z))
        with torch.no_grad():
            found = {name: model.alone(name, f) for name, f in model.features(valid).items()}
        training.observe(found, labels, logits=True)
        training.decide(epoch)
    test, truth = samples(2000, 3 * seed + 3)
    with torch.no_grad():
        guess = model.fuse(model.features(test)).argmax(1)
    return float((guess == truth).double().mean()), controller


def main() -> None:
    """Print what was decided, and the accuracy with and without it."""
    torch.set_num_threads(1)
    accuracy, controller = train(first_alone=True)
    print("epoch   text  audio  video  total synergy  active in the next epoch")
    for d in controller.history:
        unique = "".join(f"{d.metrics[f'unique/{name}']:7.2f}" for name in NAMES)
        print(f"{d.epoch:5d}{unique}{d.metrics['synergy']:15.2f}  {', '.join(d.active)}")
    print(controller.history[-1].reason)
    print(
        f"accuracy {accuracy:.1%}; trained jointly from the start {train(first_alone=False)[0]:.1%}"
    )


if __name__ == "__main__":
    main()
