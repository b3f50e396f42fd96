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

from fastpid._base.extras import import_extra
from fastpid.controller import Decision
from fastpid.result import ATOMS, Decomposition
from fastpid.screening import Screen
from fastpid.estimation import Estimate

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
    names, found = _several(results, labels)
    ax = _axes(ax)
    places = np.arange(len(found))
    above = np.zeros(len(found))
    below = np.zeros(len(found))
    for order, atom in enumerate(ATOMS):
        values = np.array([_value(result, atom) for result in found])
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
        for place, result, foot, value in zip(places, found, feet, values, strict=True):
            if isinstance(result, Estimate) and atom in result.intervals:
                low, high = result.intervals[atom]
                ax.errorbar(
                    place + 0.31 + 0.05 * order,
                    foot + value,
                    # Of a value outside of its interval the bar is drawn all the same.
                    yerr=[[max(value - low, 0.0)], [max(high - value, 0.0)]],
                    color=COLORS[atom],
                    marker=_MARKERS[atom],
                    markersize=3,
                    capsize=2,
                    linewidth=1.2,
                )
        above += np.maximum(values, 0.0)
        below += np.minimum(values, 0.0)
    for place, result in zip(places, found, strict=True):
        d = result.decomposition if isinstance(result, Estimate) else result
        if not isinstance(result, Estimate):
            # The union information is the height up to the foot of the synergy.
            ax.plot([place - 0.3] * 2, [d.lower, d.upper], color="black", linewidth=1)
            for bound in (d.lower, d.upper):
                ax.plot([place - 0.32, place - 0.26], [bound] * 2, color="black", linewidth=1)
    ax.axhline(0.0, color="black", linewidth=0.8)
    ax.set_xticks(places, names)
    ax.set_xlim(-0.6, len(found) - 0.4)
    ax.set_ylabel(f"information / {found[0].unit}")
    _bare(ax)
    if legend:
        handles, titles = ax.get_legend_handles_labels()
        ax.legend(
            handles[::-1], titles[::-1], frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5)
        )
    return ax


def venn(result: Decomposition | Estimate, *, ax: Any = None) -> Any:
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
    if isinstance(result, Decomposition):
        if result.shape:
            raise ValueError(
                f"venn() draws one result; this is a batch of shape {result.shape}: use atoms()"
            )
        result = result.numpy()
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
        text = f"{words[atom]}\n{_value(result, atom):.3f}"
        ax.text(x, y, text, ha="center", va="center", fontsize=9)
    total = _value(result, "mi_xy")
    ax.text(0, -2.05, f"I(X,Y;Z) = {total:.3f} {result.unit}", ha="center", va="top", fontsize=9)
    ax.set_xlim(-2.8, 2.8)
    ax.set_ylim(-2.4, 2.0)
    ax.set_aspect("equal")
    ax.axis("off")
    return ax


def heatmap(
    screen: Screen, name: str | None = None, *, target: str | None = None, ax: Any = None
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
    _, found = _several(results, None)
    at: NDArray[Any] = np.arange(len(found)) if times is None else np.asarray(times)
    if at.shape != (len(found),):
        raise ValueError(f"times must have {len(found)} entries; got shape {at.shape}")
    ax = _axes(ax)
    for atom in atoms:
        values = np.array([_value(result, atom) for result in found])
        low, high = np.array([_band(result, atom) for result in found]).T
        ax.fill_between(at, low, high, color=COLORS[atom], alpha=0.2, linewidth=0)
        ax.plot(
            at,
            values,
            color=COLORS[atom],
            marker=_MARKERS[atom] if len(found) <= 60 else "",
            markersize=4,
            linewidth=1.5,
            label=_TITLES[atom],
        )
    ax.axhline(0.0, color="black", linewidth=0.8)
    ax.set_ylabel(f"information / {found[0].unit}")
    _bare(ax)
    ax.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return ax


def decisions(history: Sequence[Decision], *, unit: str = "bits", axes: Any = None) -> Any:
    """Draw what a controller measured and decided against epochs.

    The upper plot has the atoms, corrected; a ring marks the peak that joint training started from,
    a vertical line where it started. The lower one shows which modalities trained in which epoch.

    Parameters
    ----------
    history : sequence of Decision
        :attr:`fastpid.controller.AsyncController.history`.
    unit : str
        Of the metrics.
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
        raise ValueError("history is empty: there is nothing to draw before the first step()")
    if axes is None:
        plt = import_extra("matplotlib.pyplot", "a plot", "plot")
        _, axes = plt.subplots(
            2, 1, sharex=True, layout="constrained", height_ratios=[4, 1], figsize=(7, 4.5)
        )
    upper, lower = axes
    modalities = [*history[0].steps]
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
    trained = [dict.fromkeys(modalities, 1.0), *(d.steps for d in history[:-1])]
    for place, name in enumerate(modalities):
        for d, steps in zip(history, trained, strict=True):
            if steps[name] > 0.0:
                lower.barh(
                    place, 1.0, left=d.epoch - 0.5, height=0.35 + 0.15 * steps[name], color="0.5"
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


def _value(result: Any, name: str) -> float:
    return float(result.corrected[name] if isinstance(result, Estimate) else getattr(result, name))


def _band(result: Any, atom: str) -> tuple[float, float]:
    value = _value(result, atom)
    if isinstance(result, Estimate):
        return result.intervals.get(atom, (value, value))
    half = 0.5 * float(result.gap)
    return value - half, value + half


def _several(results: Any, labels: Sequence[str] | None) -> tuple[list[str], list[Any]]:
    """Return names, and results of one table each."""
    names: list[str] | None = None
    if isinstance(results, Mapping):
        names, results = [str(name) for name in results], list(results.values())
    if isinstance(results, Decomposition):
        results = results.numpy()
        results = _split(results) if results.shape else [results]
    elif isinstance(results, Estimate):
        results = [results]
    found = [r.numpy() if isinstance(r, Decomposition) else r for r in results]
    for result in found:
        if not isinstance(result, (Decomposition, Estimate)):
            raise TypeError(
                f"results must be Decompositions or Estimates; got {type(result).__name__}"
            )
        if isinstance(result, Decomposition) and result.shape:
            raise ValueError(f"one of several results is a batch of shape {result.shape}")
    if not found:
        raise ValueError("results is empty: there is nothing to draw")
    if len({result.unit for result in found}) > 1:
        raise ValueError("results are in different units")
    if labels is not None:
        names = list(labels)
    if names is None:
        names = [str(i) for i in range(len(found))] if len(found) > 1 else [""]
    if len(names) != len(found):
        raise ValueError(f"labels must be {len(found)}, one a result; got {len(names)}")
    return names, found


def _split(batch: Decomposition) -> list[Decomposition]:
    """Return the results of a batch one by one."""
    if len(batch.shape) != 1:
        raise ValueError(f"a batch must have one axis to be drawn; its shape is {batch.shape}")
    fields = ("mi_x", "mi_y", "mi_xy", "union_information", "lower", "upper", "iterations")
    names = (*ATOMS, *fields, "gap", "status", "method")
    return [
        Decomposition(**{name: getattr(batch, name)[i] for name in names}, unit=batch.unit)
        for i in range(batch.shape[0])
    ]
