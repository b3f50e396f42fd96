"""Train two encoders for what only both of them know, or for what each knows.

Two sensors see different things. Both see a bit s; the first also sees a bit a, the second a bit b.
The target is the pair (s, a xor b): one bit that either sensor knows, and one that takes both. Each
encoder may pass on a single bit, so it has to choose.

* Trained to be informative each by itself (the sum of I(X; Z) and I(Y; Z)), both pass on s: the
  information is redundant.
* Trained for synergy less redundancy, they pass on a and b: the information is in the pair.

    python docs/examples/train_for_synergy.py [OUTPUT.svg]
"""

from __future__ import annotations

import sys

import torch

import fastpid
from fastpid.result import ATOMS

OBJECTIVES = {
    "informative each": lambda d: d.mi_x + d.mi_y,
    "synergy - redundancy": lambda d: d.synergy - d.redundancy,
}


def sensors(samples: int, seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Noisy nonlinear mixtures of (s, a) and of (s, b), and the target 2 s + (a xor b)."""
    generator = torch.Generator().manual_seed(seed)
    s, a, b = torch.randint(0, 2, (3, samples), generator=generator)
    mix = torch.randn(2, 2, 12, generator=torch.Generator().manual_seed(1))

    def view(bits: torch.Tensor, m: torch.Tensor) -> torch.Tensor:
        noise = 0.3 * torch.randn(samples, 12, generator=generator)
        return torch.tanh((2.0 * bits.T - 1.0) @ m) + noise

    return view(torch.stack([s, a]), mix[0]), view(torch.stack([s, b]), mix[1]), 2 * s + (a ^ b)


def encoder() -> torch.nn.Module:
    """Return a small network with one bit of output."""
    return torch.nn.Sequential(torch.nn.Linear(12, 32), torch.nn.Tanh(), torch.nn.Linear(32, 2))


def train(objective: str, steps: int = 300, batch: int = 512) -> tuple[list[list[float]], object]:
    """Return the atoms at every step, and the decomposition on samples never trained on."""
    torch.manual_seed(0)
    first, second = encoder(), encoder()
    optimizer = torch.optim.Adam([*first.parameters(), *second.parameters()], lr=0.01)
    history = []

    def decompose(x: torch.Tensor, y: torch.Tensor, z: torch.Tensor):
        joint = fastpid.torch.from_predictions(first(x), second(y), z, num_classes=4, logits=True)
        return fastpid.decompose(joint, tol=1e-6)

    for step in range(steps):
        d = decompose(*sensors(batch, seed=step))
        optimizer.zero_grad()
        (-OBJECTIVES[objective](d)).backward()
        optimizer.step()
        history.append([getattr(d, atom).item() for atom in ATOMS])
    with torch.no_grad():
        return history, decompose(*sensors(20_000, seed=10_000)).numpy()


def main(path: str | None = None) -> dict[str, object]:
    """Train both ways, print the atoms, and draw them if there is a path to write to."""
    runs = {objective: train(objective) for objective in OBJECTIVES}
    print(f"{'bits, on new samples':<24}" + "".join(f"{atom:>12}" for atom in ATOMS))
    for objective, (_, d) in runs.items():
        print(f"{objective:<24}" + "".join(f"{getattr(d, atom):12.3f}" for atom in ATOMS))
    if path is not None:
        import matplotlib

        matplotlib.use("svg")
        import matplotlib.pyplot as plt

        figure, axes = plt.subplots(1, 2, figsize=(8, 3), sharey=True, layout="constrained")
        for axis, (objective, (history, _)) in zip(axes, runs.items(), strict=True):
            for atom, values in zip(ATOMS, zip(*history, strict=True), strict=True):
                axis.plot(values, label=atom)
            axis.set_title(f"trained for: {objective}", fontsize=10)
            axis.set_xlabel("step")
        axes[0].set_ylabel("bits")
        axes[1].legend(frameon=False, fontsize=8)
        figure.savefig(path, metadata={"Date": None})
    return {objective: d for objective, (_, d) in runs.items()}


if __name__ == "__main__":
    main(*sys.argv[1:2])
