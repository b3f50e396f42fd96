"""Pairs of columns."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastpid.plot._style import LEAST_HEIGHT, axes_or_new, name_ticks, shortened

#: Up to so many columns the cells of a heat map hold their numbers.
_MOST_NUMBERS = 12


def heatmap(
    screen: Any, name: str | None = None, *, target: str | None = None, ax: Any = None
) -> Any:
    """Draw one value of all pairs of a screen or a network as a matrix.

    Parameters
    ----------
    screen : Screen or Network
    name : str, optional
        Which value; by default what the screen is ranked by, or the confidence of a network.
    target : str, optional
        Which target, if there are several.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
        With a colour bar beside it.

    Raises
    ------
    ValueError
        For an unknown name or target, or none where there are several.
    ImportError
        If matplotlib is not installed (``pip install fastpid[plot]``).
    """
    if not hasattr(screen, "matrix"):
        raise TypeError(f"screen must be a Screen or a Network; got {type(screen).__name__}")
    name = screen.by if name is None else name
    targets = getattr(screen, "targets", ())  # a network has none
    if target is not None and not targets:
        raise ValueError(f"a network has no target, and target is {target!r}; leave it out")
    matrix = screen.matrix(name, target) if targets else screen.matrix(name)
    # Of a screen of some pairs only the columns that occur.
    used = np.flatnonzero(~np.isnan(matrix).all(axis=1))
    matrix = matrix[np.ix_(used, used)]
    ax = axes_or_new(ax)
    # Pairs that are not there are hatched, unlike any colour of the map.
    ax.patch.set(facecolor="none", edgecolor="0.6", hatch="////")
    top = max(LEAST_HEIGHT, float(np.nanmax(matrix, initial=0.0)))
    image = ax.imshow(matrix, cmap="cividis", vmin=0.0, vmax=top, interpolation="nearest")
    names = [screen.names[i] for i in used]
    name_ticks(ax.xaxis, names, upright=True)
    name_ticks(ax.yaxis, names)
    if len(used) <= _MOST_NUMBERS:
        for row, column in zip(*np.nonzero(~np.isnan(matrix)), strict=True):
            value = matrix[row, column]
            color = "white" if value < 0.6 * top else "black"
            ax.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=7, color=color)
    about = f" about {shortened(target if target is not None else targets[0])}" if targets else ""
    ax.set_title(f"{name}{about}")
    bar = ax.figure.colorbar(image, ax=ax, fraction=0.046, pad=0.04)
    bar.set_label(f"{name} / {screen.unit}")
    return ax
