"""The cells of a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastpid._base.checks import check_choice
from fastpid._base.drawing import Drawing
from fastpid._base.quantities import ATOMS
from fastpid.plot._style import (
    COLORS,
    add_legend,
    axes_or_new,
    ink_color,
    set_floor,
    set_title,
    strip_frame,
    titles_of,
)


def pointwise(result: Any, *, atoms: Sequence[str] = ATOMS, ax: Any = None) -> Any:
    """Draw how the cells of a table make up its atoms.

    For every atom the pointwise values of all cells stand side by side, the highest first, each as
    wide as its probability: the area under the line, below zero counted negative, is the atom.

    Parameters
    ----------
    result : PointwiseDecomposition
        Of one table.
    atoms : sequence of str
        Which atoms to draw.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        For a batch, or an unknown atom.
    ImportError
        If matplotlib is not installed (``pip install fastpid[plot]``).
    """
    if result.shape:
        raise ValueError(
            f"pointwise() draws one table; this is a batch of shape {result.shape}: index it first"
        )
    for atom in atoms:
        check_choice("atoms", atom, ATOMS)
    given, ax = ax is not None, axes_or_new(ax)
    drawing = Drawing(result.unit, {}, {}, None, result.names)
    titles = titles_of([drawing])
    seen = result.p > 0.0
    for atom in atoms:
        values = getattr(result, atom)[seen]
        order = np.argsort(-values, kind="stable")
        edges = np.concatenate([[0.0], np.cumsum(result.p[seen][order])])
        ax.stairs(values[order], edges, baseline=0.0, color=COLORS[atom], alpha=0.15, fill=True)
        label = f"{titles[atom]}, {round(result.average(atom), 3) + 0.0:.3f}"  # and no -0
        ax.stairs(
            values[order], edges, baseline=None, color=COLORS[atom], linewidth=1.5, label=label
        )
    ax.axhline(0.0, color=ink_color(), linewidth=0.8)
    ax.set_xlim(0.0, 1.0)
    ax.set_xlabel("share of the probability, highest values first")
    ax.set_ylabel(f"pointwise information / {result.unit}")
    set_floor(ax)
    strip_frame(ax)
    set_title(ax, [drawing])
    add_legend(ax, given)
    return ax
