"""More than two sources."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastpid._base.checks import check_choice
from fastpid.plot._style import COLORS, axes_or_new, ink_color, set_floor, strip_frame

KINDS = ("bars", "venn")
#: The circles of three sources: the third colour of Okabe and Ito that no atom has.
_CIRCLES = (COLORS["unique_x"], COLORS["unique_y"], "#009E73")
_ANGLES = np.deg2rad([90.0, 210.0, 330.0])
_CENTRES = 0.72 * np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=1)
_RADIUS = 1.2


def coverage(result: Any, *, kind: str = "bars", ax: Any = None) -> Any:
    """Draw what exactly each set of sources shares, and the synergy.

    Parameters
    ----------
    result : ManyDecomposition, ManyEstimate or ManyModelEstimate
        Of one table, with all subsets; of models, with those that there are.
    kind : {"bars", "venn"}
        "bars" draws a bar for every coverage atom, with the sets as dots below. Bars reach below
        zero for negative atoms, and are hatched there; whiskers are the certified bounds, where
        they can be seen, and of an estimate the intervals. "venn" is for three sources: circles
        that overlap, with a number in every part, and around them what only several sources
        together say. Areas are not to scale. A part with a negative atom, which no area can have,
        is hatched and says so.
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
        For a batch, or a result without all subsets; for a diagram of more or fewer than three
        sources.
    """
    check_choice("kind", kind, KINDS)
    if hasattr(result, "numpy"):
        result = result.numpy()
    values = result._coverage_bars()  # before any axes are made, if there are none
    if kind == "venn" and result.n_sources != 3:
        raise ValueError(
            f'kind="venn" draws three sources, and result has {result.n_sources}; pass kind="bars"'
            + (", or draw result.pairs[0, 1] with venn()" if result.n_sources == 2 else "")
        )
    ax = axes_or_new(ax)
    if kind == "bars":
        _draw_bars(ax, result, values)
    else:
        _draw_venn(ax, result)
    ax.set_title("What each set of sources shares about the target", fontsize="medium", loc="left")
    return ax


def _draw_bars(ax: Any, result: Any, of_sets: Sequence[tuple[Any, float, float, float]]) -> None:
    subsets, *numbers = zip(*of_sets, strict=True)
    sets = subsets[:-1]
    values, low, high = np.array(numbers)
    shared = [COLORS["unique_x"] if len(s) == 1 else COLORS["redundancy"] for s in sets]
    bars = ax.bar(
        np.arange(len(values)),
        values,
        0.6,
        yerr=np.maximum(np.stack([values - low, high - values]), 0.0),
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


def _draw_venn(ax: Any, result: Any) -> None:
    from matplotlib.patches import Circle, Polygon

    paper = ax.figure.get_facecolor()
    ring = {"facecolor": COLORS["synergy"], "alpha": 0.30, "edgecolor": "none"}
    ax.add_patch(Circle((0, 0), 2.45, **ring))
    ax.add_patch(Circle((0, 0), 2.45, fill=False, edgecolor=COLORS["synergy"], linewidth=1.5))
    for centre in _CENTRES:
        ax.add_patch(Circle(centre, _RADIUS, facecolor=paper, edgecolor="none"))
    for centre, color in zip(_CENTRES, _CIRCLES, strict=True):
        ax.add_patch(Circle(centre, _RADIUS, facecolor=color, alpha=0.45, edgecolor="none"))
    for subset, value in result.coverage.items():
        place = _middle_of(subset)
        shown = round(value, 3) + 0.0  # without the sign of what rounds to zero
        text = f"{_words(subset)}\n{shown:.3f}".replace("-", "\u2212")
        if shown < 0.0:
            outline = _outline_of(subset, place)
            look = {"facecolor": paper, "edgecolor": ink_color(), "alpha": 0.6}
            ax.add_patch(Polygon(outline, hatch="////", linewidth=0.0, **look))
            text += "\n(negative)"
        box = {"boxstyle": "round,pad=0.15", "facecolor": paper, "edgecolor": "none", "alpha": 0.85}
        ax.text(
            *place,
            text,
            ha="center",
            va="center",
            fontsize=8,
            linespacing=1.1,
            bbox=box if shown < 0.0 else None,
        )
    for centre, color in zip(_CENTRES, _CIRCLES, strict=True):
        ax.add_patch(Circle(centre, _RADIUS, fill=False, edgecolor=color, linewidth=1.5))
    ax.text(
        *(0.0, -1.85),
        f"only together\n{round(result.synergy, 3) + 0.0:.3f}",
        ha="center",
        va="center",
        fontsize=8,
    )
    total = f"I(0, 1, 2; Z) = {result.mi_joint:.3f} {result.unit}"
    ax.text(0, -2.58, total, ha="center", va="top", fontsize=9)
    ax.set_xlim(-2.8, 2.8)
    ax.set_ylim(-3.0, 2.55)
    ax.set_aspect("equal")
    ax.axis("off")


def _words(subset: tuple[int, ...]) -> str:
    if len(subset) == 3:
        return "all three"
    return f"only {subset[0]}" if len(subset) == 1 else f"{subset[0]} and {subset[1]}"


def _middle_of(subset: tuple[int, ...]) -> tuple[float, float]:
    """Return where the number of a part is written."""
    away = {1: 1.36, 2: 0.86, 3: 0.0}[len(subset)]
    direction = _CENTRES[list(subset)].sum(axis=0)
    length = float(np.hypot(*direction))
    x, y = direction * (away / length) if len(subset) < 3 else (0.0, 0.0)
    return float(x), float(y)


def _outline_of(subset: tuple[int, ...], middle: tuple[float, float]) -> Any:
    """Return points around the part of the circles that exactly the sources of a set have.

    Every part can be overlooked from its middle, so that an order by angles is one along the edge.
    """
    turn = np.linspace(0.0, 2.0 * np.pi, 720, endpoint=False)
    edge = []
    for i in range(3):
        points = _CENTRES[i] + _RADIUS * np.stack([np.cos(turn), np.sin(turn)], axis=1)
        kept = np.ones(len(points), dtype=bool)
        for j in range(3):
            if j != i:
                inside = np.hypot(*(points - _CENTRES[j]).T) <= _RADIUS
                kept &= inside == (j in subset)
        edge.append(points[kept])
    outline = np.concatenate(edge)
    angles = np.arctan2(*(outline - middle).T[::-1])
    return outline[np.argsort(angles)]
