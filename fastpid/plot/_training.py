"""Training several modalities."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from fastpid._base.extras import import_extra
from fastpid._base.quantities import ATOMS
from fastpid.plot._style import COLORS, MARKERS, ink_color, shortened, strip_frame

#: Colours and markers of several modalities; the first two look like X and Y.
_SOURCES = (
    *((COLORS[atom], MARKERS[atom]) for atom in ("unique_x", "unique_y")),
    *(("#009E73", "D"), ("#CC79A7", "P"), ("#F0E442", "X")),
)


def decisions(history: Sequence[Any], *, unit: str = "bits", axes: Any = None) -> Any:
    """Draw what a controller measured and decided against epochs.

    The upper plot has the atoms, corrected; rings mark the epochs whose states joint training
    started from, a vertical line where it started. The lower one shows which modalities trained in
    which epoch.

    Parameters
    ----------
    history : sequence of Decision
        :attr:`fastpid.controller.AsyncController.history`.
    unit : str
        The unit of the metrics.
    axes : sequence of two matplotlib.axes.Axes, optional

    Returns
    -------
    tuple of two matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If there is nothing to draw.
    ImportError
        If matplotlib is not installed (``pip install fastpid[plot]``).
    """
    if not history:
        raise ValueError("history is empty: there is nothing to draw before the first decide()")
    if axes is None:
        plt = import_extra("matplotlib.pyplot", "a plot", "plot")
        _, axes = plt.subplots(
            2, 1, sharex=True, layout="constrained", height_ratios=[4, 1], figsize=(7, 4.5)
        )
    upper, lower = axes
    modalities = [*history[0].shares]
    measured = [d for d in history if d.metrics]
    epochs = [d.epoch for d in measured]
    unique = [(f"unique/{name}", f"unique to {shortened(name)}") for name in modalities]
    lines = [("redundancy", "redundancy"), *unique, ("synergy", "synergy")]
    sources = itertools.islice(itertools.cycle(_SOURCES), len(modalities))
    looks = {atom: (COLORS[atom], MARKERS[atom]) for atom in ATOMS}
    styles = [looks["redundancy"], *sources, looks["synergy"]]
    for (name, title), (color, marker) in zip(lines, styles, strict=True):
        upper.plot(
            epochs,
            [d.metrics[name] for d in measured],
            color=color,
            marker=marker,
            markersize=4,
            linewidth=1.5,
            label=title,
        )
    for start in (d for d in history if d.start_joint):
        restored = [d for d in measured if d.epoch in start.restore_epochs.values()]
        if restored:
            upper.plot(
                [d.epoch for d in restored],
                [d.metrics["synergy"] for d in restored],
                marker="o",
                markersize=12,
                markerfacecolor="none",
                color=ink_color(),
                linestyle="none",
                label="restored",
            )
        for ax in (upper, lower):
            ax.axvline(start.epoch + 0.5, color=ink_color(), linewidth=0.8, linestyle="--")
        upper.annotate(
            "joint training",
            (start.epoch + 0.5, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(4, -2),
            textcoords="offset points",
            va="top",
            fontsize=8,
        )
    # Which modalities trained in an epoch was decided after the one before it.
    trained = [dict.fromkeys(modalities, 1.0), *(d.shares for d in history[:-1])]
    for place, name in enumerate(modalities):
        for d, shares in zip(history, trained, strict=True):
            if shares[name] > 0.0:
                lower.barh(
                    place, 1.0, left=d.epoch - 0.5, height=0.35 + 0.15 * shares[name], color="0.5"
                )
    lower.set_yticks(range(len(modalities)), list(map(shortened, modalities)))
    lower.set_ylim(len(modalities) - 0.4, -0.6)
    lower.set_xlabel("epoch")
    lower.xaxis.get_major_locator().set_params(integer=True)
    upper.axhline(0.0, color=ink_color(), linewidth=0.8)
    upper.set_ylabel(f"information / {unit}")
    for ax in (upper, lower):
        strip_frame(ax)
    upper.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return upper, lower
