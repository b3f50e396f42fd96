"""Tables and the plot of the study of models."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from .worlds import ATOMS, truth

IMAGE = Path(__file__).resolve().parents[3] / "docs" / "img" / "models.svg"
#: Okabe and Ito's, and markers for those who see no colours.
LOOKS = {
    "posteriors": ("#0072B2", "o"),
    "clusters": ("#E69F00", "s"),
    "neural": ("#CC79A7", "^"),
    "oracle": ("#000000", "x"),
}


class Row(NamedTuple):
    """What a method found of a case."""

    case: Any
    method: str
    found: dict[str, float]
    seconds: float

    def error(self) -> float:
        """Return the largest error of an atom."""
        true = truth(self.case.world, self.case.classes)
        return max(abs(self.found[a] - true[a]) for a in ATOMS)


def table(rows: Sequence[Row]) -> list[str]:
    lines = [
        "| world | classes | N | dim | method | redundancy | unique x | unique y | synergy | "
        "largest error | s |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        case, true = row.case, truth(row.case.world, row.case.classes)
        values = " | ".join(f"{row.found[a]:.3f} ({true[a]:.3f})" for a in ATOMS)
        lines.append(
            f"| {case.world} | {case.classes} | {case.n:,} | {case.dim} | {row.method} | {values} "
            f"| {row.error():.3f} | {row.seconds:.1f} |"
        )
    return lines


def plot(rows: Sequence[Row]) -> None:
    """Draw the largest errors against the number of samples: 64 dimensions, nuisance directions."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    worlds = (("redundant", 2), ("unique", 2), ("exclusive or", 2), ("mixed", 2), ("mixture", 5))
    figure, axes = plt.subplots(1, len(worlds), figsize=(12, 3.2), sharey=True)
    for ax, (world, classes) in zip(axes, worlds, strict=True):
        for method, (color, marker) in LOOKS.items():
            shown = [
                (row.case.n, max(row.error(), 1e-3))
                for row in rows
                if (row.case.world, row.case.classes, row.case.dim) == (world, classes, 64)
                and (row.method, row.case.nuisance) == (method, True)
            ]
            if shown:
                ax.plot(*zip(*shown, strict=True), marker, color=color, label=method, alpha=0.8)
        ax.set(xscale="log", yscale="log", xlim=(300, 8e4), title=f"{world}, {classes} classes")
        ax.axhline(0.05, color="0.5", linewidth=0.8, linestyle="--")
        ax.spines[["top", "right"]].set_visible(False)
        ax.set_xlabel("samples")
    axes[0].set_ylabel("largest error of an atom / bits")
    figure.legend(*axes[-1].get_legend_handles_labels(), loc="outside upper right", ncols=4)
    figure.tight_layout(rect=(0, 0, 1, 0.9))
    figure.savefig(IMAGE, metadata={"Date": None})
