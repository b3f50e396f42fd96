"""Whether more samples are worth it."""

from __future__ import annotations

from typing import Any

from fastpid._base.quantities import ATOMS
from fastpid.plot._style import COLORS, MARKERS, add_legend, axes_or_new, ink_color, strip_frame

_INFORMATIONS = {"mi_x": ("I(X;Z)", ":"), "mi_y": ("I(Y;Z)", "--"), "mi_xy": ("I(X,Y;Z)", "-.")}


def learning_curve(result: Any, *, ax: Any = None) -> Any:
    """Draw the atoms against the number of samples that models were fitted to.

    Thin lines are what labels confirm of the informations: while they rise, models still learn.

    Parameters
    ----------
    result : LearningCurve
        Of :func:`fastpid.models.learning_curve`.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ImportError
        If matplotlib is not installed (``pip install fastpid[plot]``).
    """
    given, ax = ax is not None, axes_or_new(ax)
    for atom in ATOMS:
        look = {"color": COLORS[atom], "marker": MARKERS[atom], "linewidth": 1.5}
        ax.plot(result.n_train, result.corrected[atom], label=atom, **look)
    for name, (label, dashes) in _INFORMATIONS.items():
        look = {"color": ink_color(), "linestyle": dashes, "linewidth": 0.8}
        ax.plot(result.n_train, result.cross_entropy[name], label=f"{label}, labels", **look)
    ax.axhline(0.0, color=ink_color(), linewidth=0.8)
    ax.set_xscale("log")
    ax.set_xlabel("samples that models were fitted to")
    ax.set_ylabel(f"information / {result.unit}")
    strip_frame(ax)
    add_legend(ax, given)
    return ax
