"""More than two sources."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastpid.plot._style import COLORS, axes_or_new, ink_color, set_floor, strip_frame


def coverage(result: Any, *, ax: Any = None) -> Any:
    """Draw what exactly each set of sources shares, and the synergy, with the sets as dots below.

    Parameters
    ----------
    result : ManyDecomposition
        Of one table, with all subsets. Bars reach below zero for negative coverage atoms, and are
        hatched there; whiskers are the certified bounds, where they can be seen.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default into new Axes.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ImportError
        If matplotlib is not installed (``pip install fastpid[plot]``).
    ValueError
        For a batch, or a result without all subsets.
    """
    if result.shape:
        raise ValueError(
            f"result is a batch of shape {result.shape}; draw one of its tables, as result[0]"
        )
    atoms, bounds = result.coverage, result.coverage_bounds
    ax = axes_or_new(ax)
    sets = list(atoms)
    values = np.array([*atoms.values(), result.synergy])
    low, high = result.bounds()
    below = np.array([*(atoms[s] - bounds[s][0] for s in sets), 0.5 * (high - low)])
    above = np.array([*(bounds[s][1] - atoms[s] for s in sets), 0.5 * (high - low)])
    shared = [COLORS["unique_x"] if len(s) == 1 else COLORS["redundancy"] for s in sets]
    bars = ax.bar(
        np.arange(len(values)),
        values,
        0.6,
        yerr=np.maximum(np.stack([below, above]), 0.0),
        color=[*shared, COLORS["synergy"]],
        edgecolor=ax.get_facecolor(),
        linewidth=0.8,
        error_kw={"ecolor": ink_color(), "elinewidth": 1},
    )
    for bar, value in zip(bars, values, strict=True):
        if value < 0.0:
            bar.set_hatch("//")
    ax.axhline(0.0, color=ink_color(), linewidth=0.8)
    # One line a source under each bar, a dot where it belongs to the set.
    dots = [
        "\n".join("\u25cf" if i in s else "\u25cb" for i in range(result.n_sources)) for s in sets
    ]
    ax.set_xticks(np.arange(len(values)), [*dots, "syn."], linespacing=1.0)
    ax.set_xlabel("sources 0, 1, ... from the top: which share exactly this")
    ax.set_ylabel(result.unit)
    set_floor(ax)
    strip_frame(ax)
    ax.set_title("What each set of sources shares about the target", fontsize="medium", loc="left")
    return ax
