"""The atoms of one result or several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fastpid._base.checks import check_choice
from fastpid._base.drawing import Drawable, Drawing
from fastpid._base.quantities import ATOMS
from fastpid.plot._style import (
    COLORS,
    HATCHES,
    MARKERS,
    MOST_TICKS,
    add_legend,
    axes_or_new,
    drawings_of,
    ink_color,
    name_ticks,
    names_of,
    set_floor,
    set_title,
    several_drawings,
    shortened,
    strip_frame,
    titles_of,
)

KINDS = ("stacked", "dots")


def atoms(
    results: Any,
    *,
    kind: str = "stacked",
    labels: Sequence[str] | None = None,
    legend: bool = True,
    ax: Any = None,
) -> Any:
    """Draw the atoms of one or several results.

    Parameters
    ----------
    results : Decomposition, Estimate, sequence of these, or mapping of names to these
        A batch of decompositions counts one by one. Of an estimate the corrected values are drawn.
    kind : {"stacked", "dots"}
        "stacked" draws a bar for each result, whose height is I(X, Y; Z); a bracket beside it marks
        the certified bounds of the union information. "dots" draws a dot for each atom, with
        whiskers: the interval of an estimate, what the bracket leaves open of a decomposition.
    labels : sequence of str, optional
        Names of the results; by default the keys of a mapping, or their numbers.
    legend : bool
        Whether to draw a legend.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If there is nothing to draw, the number of labels differs, or units do.
    ImportError
        If matplotlib is not installed (``pip install fastpid[plot]``).
    """
    check_choice("kind", kind, KINDS)
    names, drawings = several_drawings(results, labels)
    given, ax = ax is not None, axes_or_new(ax)
    (_draw_stacked if kind == "stacked" else _draw_dots)(ax, drawings, titles_of(drawings))
    ax.axhline(0.0, color=ink_color(), linewidth=0.8)
    name_ticks(ax.xaxis, names)
    ax.set_xlim(-0.6, len(drawings) - 0.4)
    ax.set_ylabel(f"information / {drawings[0].unit}")
    set_floor(ax)
    strip_frame(ax)
    set_title(ax, drawings)
    if legend:
        add_legend(ax, given, reverse=kind == "stacked")
    return ax


def _draw_stacked(ax: Any, drawings: Sequence[Drawing], titles: Mapping[str, str]) -> None:
    places = np.arange(len(drawings))
    above, below = np.zeros(len(drawings)), np.zeros(len(drawings))
    for atom in ATOMS:
        values = np.array([drawing.values[atom] for drawing in drawings])
        ax.bar(
            places,
            values,
            0.5,
            bottom=np.where(values >= 0, above, below),
            color=COLORS[atom],
            edgecolor=ax.get_facecolor(),
            linewidth=0.8,
            hatch=HATCHES[atom],
            label=titles[atom],
        )
        above += np.maximum(values, 0.0)
        below += np.minimum(values, 0.0)
    for place, drawing in zip(places, drawings, strict=True):
        if drawing.bracket is not None:
            # The union information is the height up to the foot of the synergy.
            ax.plot([place - 0.3] * 2, drawing.bracket, color=ink_color(), linewidth=1)
            for bound in drawing.bracket:
                ax.plot([place - 0.32, place - 0.26], [bound] * 2, color=ink_color(), linewidth=1)


def _draw_dots(ax: Any, drawings: Sequence[Drawing], titles: Mapping[str, str]) -> None:
    places = np.arange(len(drawings))
    for order, atom in enumerate(ATOMS):
        values = np.array([drawing.values[atom] for drawing in drawings])
        bands = np.array([drawing.band(atom) for drawing in drawings]).T
        ax.errorbar(
            places + 0.16 * (order - 1.5),
            values,
            yerr=np.abs(bands - values),
            color=COLORS[atom],
            marker=MARKERS[atom],
            linestyle="none",
            markersize=7 if len(drawings) <= MOST_TICKS else 3,
            capsize=3,
            linewidth=1.5,
            label=titles[atom],
        )


def venn(result: Drawable, *, ax: Any = None) -> Any:
    """Draw the atoms of one result where they belong: two circles inside of a ring.

    The circles are what each source says about the target; their overlap is the redundancy, and the
    ring around them what only both together say. Areas are not to scale; the numbers are written.

    Parameters
    ----------
    result : Decomposition or Estimate
        Of one table.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        For a batch.
    ImportError
        If matplotlib is not installed (``pip install fastpid[plot]``).
    """
    drawings = drawings_of(result)
    if len(drawings) != 1:
        raise ValueError(
            f"venn() draws one result; this is a batch of {len(drawings)}: use atoms()"
        )
    drawing = drawings[0]
    ax = axes_or_new(ax)
    from matplotlib.patches import Circle, Ellipse

    paper = ax.figure.get_facecolor()

    ring = Ellipse((0, 0), 5.2, 3.7, facecolor=COLORS["synergy"], alpha=0.30, edgecolor="none")
    ax.add_patch(ring)
    ax.add_patch(Ellipse((0, 0), 5.2, 3.7, fill=False, edgecolor=COLORS["synergy"], linewidth=1.5))
    for x in (-0.62, 0.62):
        ax.add_patch(Circle((x, -0.15), 1.2, facecolor=paper, edgecolor="none"))
    for x, atom in ((-0.62, "unique_x"), (0.62, "unique_y")):
        ax.add_patch(Circle((x, -0.15), 1.2, facecolor=COLORS[atom], alpha=0.45, edgecolor="none"))
        ax.add_patch(Circle((x, -0.15), 1.2, fill=False, edgecolor=COLORS[atom], linewidth=1.5))
    places = {
        "redundancy": (0.0, -0.15),
        "unique_x": (-1.2, -0.15),
        "unique_y": (1.2, -0.15),
        "synergy": (0.0, 1.42),
    }
    x_name, y_name, _ = names_of([drawing])
    words = {
        "redundancy": "redundant",
        "unique_x": f"only\n{shortened(x_name, 15)}",
        "unique_y": f"only\n{shortened(y_name, 15)}",
        "synergy": "only both together",
    }
    for atom, (x, y) in places.items():
        text = f"{words[atom]}\n{drawing.values[atom]:.3f}"
        ax.text(x, y, text, ha="center", va="center", fontsize=8)
    total = drawing.values["mi_xy"]
    ax.text(0, -2.05, f"I(X,Y;Z) = {total:.3f} {drawing.unit}", ha="center", va="top", fontsize=9)
    ax.set_xlim(-2.8, 2.8)
    ax.set_ylim(-2.4, 2.0)
    ax.set_aspect("equal")
    ax.axis("off")
    set_title(ax, [drawing])
    return ax
