"""Plots of decompositions, estimates and screens. Needs matplotlib.

Colours are those of Okabe and Ito, which colour-blind readers can tell apart; hatches and markers
tell the atoms apart without any colour. Every function draws into the Axes given, or into new ones,
and returns them.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid._base.drawing import Drawable, Drawing
from fastpid._base.extras import import_extra
from fastpid._base.quantities import ATOMS

__all__ = ["COLORS", "atoms", "decisions", "heatmap", "over_time", "venn"]

COLORS = {
    "redundancy": "#0072B2",
    "unique_x": "#E69F00",
    "unique_y": "#56B4E9",
    "synergy": "#D55E00",
}
_HATCHES = {"redundancy": "", "unique_x": "//", "unique_y": "\\\\", "synergy": ".."}
_MARKERS = {"redundancy": "o", "unique_x": "^", "unique_y": "v", "synergy": "s"}
_TITLES = {
    "redundancy": "redundancy",
    "unique_x": "unique to X",
    "unique_y": "unique to Y",
    "synergy": "synergy",
}
#: Colours and markers of several modalities; the first two look like X and Y.
_SOURCES = (
    *((COLORS[atom], _MARKERS[atom]) for atom in ("unique_x", "unique_y")),
    *(("#009E73", "D"), ("#CC79A7", "P"), ("#000000", "X")),
)
#: More tick labels than this on an axis of a heat map are thinned out.
_MOST_TICKS = 20


def atoms(
    results: Any, *, labels: Sequence[str] | None = None, legend: bool = True, ax: Any = None
) -> Any:
    """Draw atoms as stacked bars, with what is known of their accuracy.

    A black bracket marks the certified bounds of the union information. Intervals of an Estimate
    stand beside the bar, each from the foot of its atom.

    Parameters
    ----------
    results : Decomposition, Estimate, sequence of these, or mapping of names to these
        A batch of decompositions is a bar each. Of an estimate the corrected values are drawn.
    labels : sequence of str, optional
        Names of the bars; by default the keys of a mapping, or their numbers.
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
    names, drawings = _several(results, labels)
    ax = _axes(ax)
    places = np.arange(len(drawings))
    above = np.zeros(len(drawings))
    below = np.zeros(len(drawings))
    for order, atom in enumerate(ATOMS):
        values = np.array([result.values[atom] for result in drawings])
        feet = np.where(values >= 0, above, below)
        ax.bar(
            places,
            values,
            0.5,
            bottom=feet,
            color=COLORS[atom],
            edgecolor="white",
            linewidth=0.8,
            hatch=_HATCHES[atom],
            label=_TITLES[atom],
        )
        for place, result, foot, value in zip(places, drawings, feet, values, strict=True):
            if atom in result.intervals:
                low, high = result.intervals[atom]
                ax.errorbar(
                    place + 0.31 + 0.05 * order,
                    foot + value,
                    # A value outside its interval keeps its bar.
                    yerr=[[max(value - low, 0.0)], [max(high - value, 0.0)]],
                    color=COLORS[atom],
                    marker=_MARKERS[atom],
                    markersize=3,
                    capsize=2,
                    linewidth=1.2,
                )
        above += np.maximum(values, 0.0)
        below += np.minimum(values, 0.0)
    for place, result in zip(places, drawings, strict=True):
        if result.bracket is not None:
            # The union information is the height up to the foot of the synergy.
            ax.plot([place - 0.3] * 2, result.bracket, color="black", linewidth=1)
            for bound in result.bracket:
                ax.plot([place - 0.32, place - 0.26], [bound] * 2, color="black", linewidth=1)
    ax.axhline(0.0, color="black", linewidth=0.8)
    ax.set_xticks(places, names)
    ax.set_xlim(-0.6, len(drawings) - 0.4)
    ax.set_ylabel(f"information / {drawings[0].unit}")
    _bare(ax)
    if legend:
        handles, titles = ax.get_legend_handles_labels()
        ax.legend(
            handles[::-1], titles[::-1], frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5)
        )
    return ax


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
    drawings = _drawings_of(result)
    if len(drawings) != 1:
        raise ValueError(
            f"venn() draws one result; this is a batch of {len(drawings)}: use atoms()"
        )
    drawing = drawings[0]
    ax = _axes(ax)
    from matplotlib.patches import Circle, Ellipse

    ring = Ellipse((0, 0), 5.2, 3.7, facecolor=COLORS["synergy"], alpha=0.30, edgecolor="none")
    ax.add_patch(ring)
    ax.add_patch(Ellipse((0, 0), 5.2, 3.7, fill=False, edgecolor=COLORS["synergy"], linewidth=1.5))
    for x in (-0.62, 0.62):
        ax.add_patch(Circle((x, -0.15), 1.2, facecolor="white", edgecolor="none"))
    for x, atom in ((-0.62, "unique_x"), (0.62, "unique_y")):
        ax.add_patch(Circle((x, -0.15), 1.2, facecolor=COLORS[atom], alpha=0.45, edgecolor="none"))
        ax.add_patch(Circle((x, -0.15), 1.2, fill=False, edgecolor=COLORS[atom], linewidth=1.5))
    places = {
        "redundancy": (0.0, -0.15),
        "unique_x": (-1.15, -0.15),
        "unique_y": (1.15, -0.15),
        "synergy": (0.0, 1.42),
    }
    words = {
        "redundancy": "redundant",
        "unique_x": "only X",
        "unique_y": "only Y",
        "synergy": "only X and Y together",
    }
    for atom, (x, y) in places.items():
        text = f"{words[atom]}\n{drawing.values[atom]:.3f}"
        ax.text(x, y, text, ha="center", va="center", fontsize=9)
    total = drawing.values["mi_xy"]
    ax.text(0, -2.05, f"I(X,Y;Z) = {total:.3f} {drawing.unit}", ha="center", va="top", fontsize=9)
    ax.set_xlim(-2.8, 2.8)
    ax.set_ylim(-2.4, 2.0)
    ax.set_aspect("equal")
    ax.axis("off")
    return ax


def heatmap(
    screen: Any, name: str | None = None, *, target: str | None = None, ax: Any = None
) -> Any:
    """Draw one value of all pairs of a screen as a matrix.

    Parameters
    ----------
    screen : Screen
    name : str, optional
        Which value; by default what the screen is ranked by.
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
    name = screen.by if name is None else name
    matrix = screen.matrix(name, target)
    # Of a screen of some pairs only the columns that occur.
    used = np.flatnonzero(~np.isnan(matrix).all(axis=1))
    matrix = matrix[np.ix_(used, used)]
    ax = _axes(ax)
    ax.set_facecolor("#dddddd")
    image = ax.imshow(matrix, cmap="cividis", vmin=0.0, interpolation="nearest")
    step = max(1, -(-len(used) // _MOST_TICKS))
    ticks = np.arange(0, len(used), step)
    names = [screen.names[i] for i in used[ticks]]
    ax.set_xticks(ticks, names, rotation=90, fontsize=8)
    ax.set_yticks(ticks, names, fontsize=8)
    about = target if target is not None else screen.targets[0]
    ax.set_title(f"{name} about {about}")
    bar = ax.figure.colorbar(image, ax=ax, fraction=0.046, pad=0.04)
    bar.set_label(f"{name} / {screen.unit}")
    return ax


def over_time(
    results: Any, times: Any = None, *, atoms: Sequence[str] = ATOMS, ax: Any = None
) -> Any:
    """Draw atoms against time, epochs or whatever the results stand in order of.

    Certified brackets, or the intervals of Estimates, are bands.

    Parameters
    ----------
    results : Decomposition of a batch (n,), or sequence of n Decompositions or Estimates
    times : array_like (n,), optional
        By default 0 to n - 1.
    atoms : sequence of str
        Which atoms to draw.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If there is nothing to draw, or the number of times differs.
    ImportError
        If matplotlib is not installed (``pip install fastpid[plot]``).
    """
    _, drawings = _several(results, None)
    at: NDArray[Any] = np.arange(len(drawings)) if times is None else np.asarray(times)
    if at.shape != (len(drawings),):
        raise ValueError(f"times must have {len(drawings)} entries; got shape {at.shape}")
    ax = _axes(ax)
    for atom in atoms:
        values = np.array([result.values[atom] for result in drawings])
        low, high = np.array([result.band(atom) for result in drawings]).T
        ax.fill_between(at, low, high, color=COLORS[atom], alpha=0.2, linewidth=0)
        ax.plot(
            at,
            values,
            color=COLORS[atom],
            marker=_MARKERS[atom] if len(drawings) <= 60 else "",
            markersize=4,
            linewidth=1.5,
            label=_TITLES[atom],
        )
    ax.axhline(0.0, color="black", linewidth=0.8)
    ax.set_ylabel(f"information / {drawings[0].unit}")
    _bare(ax)
    ax.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return ax


def decisions(history: Sequence[Any], *, unit: str = "bits", axes: Any = None) -> Any:
    """Draw what a controller measured and decided against epochs.

    The upper plot has the atoms, corrected; a ring marks the peak that joint training started from,
    a vertical line where it started. The lower one shows which modalities trained in which epoch.

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
    unique = [(f"unique/{name}", f"unique to {name}") for name in modalities]
    lines = [("redundancy", "redundancy"), *unique, ("synergy", "synergy")]
    sources = itertools.islice(itertools.cycle(_SOURCES), len(modalities))
    looks = {atom: (COLORS[atom], _MARKERS[atom]) for atom in ATOMS}
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
        peak = [d for d in measured if d.epoch == start.restore_epoch]
        for d in peak:
            upper.plot(
                [d.epoch],
                [d.metrics["synergy"]],
                marker="o",
                markersize=12,
                markerfacecolor="none",
                color="black",
                linestyle="none",
                label="restored",
            )
        for ax in (upper, lower):
            ax.axvline(start.epoch + 0.5, color="black", linewidth=0.8, linestyle="--")
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
    lower.set_yticks(range(len(modalities)), modalities)
    lower.set_ylim(len(modalities) - 0.4, -0.6)
    lower.set_xlabel("epoch")
    lower.xaxis.get_major_locator().set_params(integer=True)
    upper.axhline(0.0, color="black", linewidth=0.8)
    upper.set_ylabel(f"information / {unit}")
    for ax in (upper, lower):
        _bare(ax)
    upper.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return upper, lower


def _axes(ax: Any) -> Any:
    plt = import_extra("matplotlib.pyplot", "a plot", "plot")
    if ax is not None:
        return ax
    _, ax = plt.subplots(layout="constrained")
    return ax


def _bare(ax: Any) -> None:
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)


def _drawings_of(result: Any) -> Sequence[Drawing]:
    if not hasattr(result, "_drawings"):
        raise TypeError(f"results must be Decompositions or Estimates; got {type(result).__name__}")
    drawings: Sequence[Drawing] = result._drawings()
    return drawings


def _several(results: Any, labels: Sequence[str] | None) -> tuple[list[str], list[Drawing]]:
    """Return names, and drawings of one table each."""
    names: list[str] | None = None
    if isinstance(results, Mapping):
        names, results = [str(name) for name in results], list(results.values())
    if hasattr(results, "_drawings"):
        drawings = list(results._drawings())
    else:
        groups = [_drawings_of(result) for result in results]
        for group in groups:
            if len(group) != 1:
                raise ValueError(f"one of several results is a batch of {len(group)}")
        drawings = [group[0] for group in groups]
    if not drawings:
        raise ValueError("results is empty: there is nothing to draw")
    if len({drawing.unit for drawing in drawings}) > 1:
        raise ValueError("results are in different units")
    if labels is not None:
        names = list(labels)
    if names is None:
        names = [str(i) for i in range(len(drawings))] if len(drawings) > 1 else [""]
    if len(names) != len(drawings):
        raise ValueError(f"labels must be {len(drawings)}, one a result; got {len(names)}")
    return names, drawings
