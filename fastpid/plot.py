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

from fastpid._base.checks import check_choice
from fastpid._base.drawing import Drawable, Drawing
from fastpid._base.extras import import_extra
from fastpid._base.quantities import ATOMS, ROLES

__all__ = [
    "COLORS",
    "atoms",
    "course",
    "coverage",
    "decisions",
    "heatmap",
    "over_time",
    "pointwise",
    "power",
    "venn",
]

COLORS = {
    "redundancy": "#0072B2",
    "unique_x": "#E69F00",
    "unique_y": "#56B4E9",
    "synergy": "#D55E00",
}
_HATCHES = {"redundancy": "", "unique_x": "//", "unique_y": "\\\\", "synergy": ".."}
_MARKERS = {"redundancy": "o", "unique_x": "^", "unique_y": "v", "synergy": "s"}
#: Colours and markers of several modalities; the first two look like X and Y.
_SOURCES = (
    *((COLORS[atom], _MARKERS[atom]) for atom in ("unique_x", "unique_y")),
    *(("#009E73", "D"), ("#CC79A7", "P"), ("#F0E442", "X")),
)
#: More tick labels than this on an axis are thinned out.
_MOST_TICKS = 20
#: Up to so many columns the cells of a heat map hold their numbers.
_MOST_NUMBERS = 12
#: The least height of an axis, in the unit, so that rounding errors do not fill it.
_LEAST_HEIGHT = 0.01
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
    names, drawings = _several(results, labels)
    given, ax = ax is not None, _axes(ax)
    (_draw_stacked if kind == "stacked" else _draw_dots)(ax, drawings, _titles(drawings))
    ax.axhline(0.0, color=_ink(), linewidth=0.8)
    _name_ticks(ax.xaxis, names)
    ax.set_xlim(-0.6, len(drawings) - 0.4)
    ax.set_ylabel(f"information / {drawings[0].unit}")
    _set_floor(ax)
    _bare(ax)
    _set_title(ax, drawings)
    if legend:
        _add_legend(ax, given, reverse=kind == "stacked")
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
            hatch=_HATCHES[atom],
            label=titles[atom],
        )
        above += np.maximum(values, 0.0)
        below += np.minimum(values, 0.0)
    for place, drawing in zip(places, drawings, strict=True):
        if drawing.bracket is not None:
            # The union information is the height up to the foot of the synergy.
            ax.plot([place - 0.3] * 2, drawing.bracket, color=_ink(), linewidth=1)
            for bound in drawing.bracket:
                ax.plot([place - 0.32, place - 0.26], [bound] * 2, color=_ink(), linewidth=1)


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
            marker=_MARKERS[atom],
            linestyle="none",
            markersize=7 if len(drawings) <= _MOST_TICKS else 3,
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
    drawings = _drawings_of(result)
    if len(drawings) != 1:
        raise ValueError(
            f"venn() draws one result; this is a batch of {len(drawings)}: use atoms()"
        )
    drawing = drawings[0]
    ax = _axes(ax)
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
    x_name, y_name, _ = _names_of([drawing])
    words = {
        "redundancy": "redundant",
        "unique_x": f"only\n{_text(x_name, 15)}",
        "unique_y": f"only\n{_text(y_name, 15)}",
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
    _set_title(ax, [drawing])
    return ax


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
    ax = _axes(ax)
    # Pairs that are not there are hatched, unlike any colour of the map.
    ax.patch.set(facecolor="none", edgecolor="0.6", hatch="////")
    top = max(_LEAST_HEIGHT, float(np.nanmax(matrix, initial=0.0)))
    image = ax.imshow(matrix, cmap="cividis", vmin=0.0, vmax=top, interpolation="nearest")
    names = [screen.names[i] for i in used]
    _name_ticks(ax.xaxis, names, upright=True)
    _name_ticks(ax.yaxis, names)
    if len(used) <= _MOST_NUMBERS:
        for row, column in zip(*np.nonzero(~np.isnan(matrix)), strict=True):
            value = matrix[row, column]
            color = "white" if value < 0.6 * top else "black"
            ax.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=7, color=color)
    about = f" about {_text(target if target is not None else targets[0])}" if targets else ""
    ax.set_title(f"{name}{about}")
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
        If there is nothing to draw, the number of times differs, or an atom is unknown.
    ImportError
        If matplotlib is not installed (``pip install fastpid[plot]``).
    """
    _, drawings = _several(results, None)
    at: NDArray[Any] = np.arange(len(drawings)) if times is None else np.asarray(times)
    if at.shape != (len(drawings),):
        raise ValueError(f"times must have {len(drawings)} entries; got shape {at.shape}")
    for atom in atoms:
        check_choice("atoms", atom, ATOMS)
    given, ax = ax is not None, _axes(ax)
    titles = _titles(drawings)
    for atom in atoms:
        values = np.array([drawing.values[atom] for drawing in drawings])
        low, high = np.array([drawing.band(atom) for drawing in drawings]).T
        ax.fill_between(at, low, high, color=COLORS[atom], alpha=0.2, linewidth=0)
        ax.plot(
            at,
            values,
            color=COLORS[atom],
            marker=_MARKERS[atom] if len(drawings) <= 60 else "",
            markersize=4,
            linewidth=1.5,
            label=titles[atom],
        )
    ax.axhline(0.0, color=_ink(), linewidth=0.8)
    ax.set_xlabel(_text(str(getattr(times, "name", None) or "time")))
    ax.set_ylabel(f"information / {drawings[0].unit}")
    if at.dtype.kind in "MO":  # dates, whose labels would run into one another
        from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

        locator = AutoDateLocator()
        ax.xaxis.set_major_locator(locator)
        ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    _set_floor(ax)
    _bare(ax)
    _set_title(ax, drawings)
    _add_legend(ax, given)
    return ax


def course(
    result: Any,
    *,
    atoms: Sequence[str] = ATOMS,
    method: str = "max",
    level: float = 0.05,
    ax: Any = None,
) -> Any:
    """Draw atoms over the times of trials, with bands, and bars where they are significant.

    Parameters
    ----------
    result : TimeCourse
        Of one channel and lag (:meth:`fastpid.TimeCourse.sel`).
    atoms : sequence of str
        Which atoms to draw.
    method : {"max", "cluster", "bh", "by", "holm", "bonferroni"}
        How p-values are corrected for all times, of the atoms that were tested.
    level : float
        Up to which corrected p-value a time is significant.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
        Bands are those of all times together. Bars stand below the axis, a row for each atom that
        is significant somewhere. What lies in grey has too few trials.

    Raises
    ------
    ValueError
        For several channels or lags, an unknown atom or method, or a level that is none.
    ImportError
        If matplotlib is not installed (``pip install fastpid[plot]``).
    """
    if len(result.dims) > 1:
        more = " and ".join(f"{len(result.coords[d])} {d}s" for d in result.dims[:-1])
        raise ValueError(
            f"course() draws one channel and lag, and there are {more}; choose one with "
            f"result.sel({', '.join(f'{d}=...' for d in result.dims[:-1])})"
        )
    for atom in atoms:
        check_choice("atoms", atom, ATOMS)
    spans = {a: result.spans(a, level=level, method=method) for a in atoms if a in result.p_values}
    given, ax = ax is not None, _axes(ax)
    named = [Drawing(result.unit, {}, {}, None, result.names)]
    times, titles = result.times, _titles(named)
    for atom in atoms:
        if atom in result.bands:
            low, high = result.bands[atom]
            ax.fill_between(times, low, high, color=COLORS[atom], alpha=0.2, linewidth=0)
        ax.plot(times, result.values[atom], color=COLORS[atom], linewidth=1.5, label=titles[atom])
    ax.axhline(0.0, color=_ink(), linewidth=0.8)
    _set_floor(ax)
    top, row = ax.get_ylim()[1], 0
    for atom, found in spans.items():
        row += bool(found)
        for span in found:
            ax.plot(
                [span.start, span.stop],
                [-0.035 * row * top] * 2,
                color=COLORS[atom],
                linewidth=4,
                solid_capstyle="butt" if span.stop > span.start else "projecting",
            )
    if row:
        ax.set_ylim(bottom=min(ax.get_ylim()[0], -0.035 * (row + 1) * top))
    few = ~result.is_sufficient
    edges = np.flatnonzero(np.diff(np.concatenate([[False], few, [False]]).astype(int)))
    for first, end in edges.reshape(-1, 2):
        ax.axvspan(times[first], times[end - 1], color="0.5", alpha=0.25, linewidth=0, zorder=0)
    ax.set_xlabel("time")
    ax.set_ylabel(f"information / {result.unit}")
    _bare(ax)
    _set_title(ax, named)
    _add_legend(ax, given)
    return ax


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
    ax = _axes(ax)
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
        error_kw={"ecolor": _ink(), "elinewidth": 1},
    )
    for bar, value in zip(bars, values, strict=True):
        if value < 0.0:
            bar.set_hatch("//")
    ax.axhline(0.0, color=_ink(), linewidth=0.8)
    # One line a source under each bar, a dot where it belongs to the set.
    dots = [
        "\n".join("\u25cf" if i in s else "\u25cb" for i in range(result.n_sources)) for s in sets
    ]
    ax.set_xticks(np.arange(len(values)), [*dots, "syn."], linespacing=1.0)
    ax.set_xlabel("sources 0, 1, ... from the top: which share exactly this")
    ax.set_ylabel(result.unit)
    _set_floor(ax)
    _bare(ax)
    ax.set_title("What each set of sources shares about the target", fontsize="medium", loc="left")
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
    unique = [(f"unique/{name}", f"unique to {_text(name)}") for name in modalities]
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
                color=_ink(),
                linestyle="none",
                label="restored",
            )
        for ax in (upper, lower):
            ax.axvline(start.epoch + 0.5, color=_ink(), linewidth=0.8, linestyle="--")
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
    lower.set_yticks(range(len(modalities)), list(map(_text, modalities)))
    lower.set_ylim(len(modalities) - 0.4, -0.6)
    lower.set_xlabel("epoch")
    lower.xaxis.get_major_locator().set_params(integer=True)
    upper.axhline(0.0, color=_ink(), linewidth=0.8)
    upper.set_ylabel(f"information / {unit}")
    for ax in (upper, lower):
        _bare(ax)
    upper.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return upper, lower


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
    given, ax = ax is not None, _axes(ax)
    drawing = Drawing(result.unit, {}, {}, None, result.names)
    titles = _titles([drawing])
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
    ax.axhline(0.0, color=_ink(), linewidth=0.8)
    ax.set_xlim(0.0, 1.0)
    ax.set_xlabel("share of the probability, highest values first")
    ax.set_ylabel(f"pointwise information / {result.unit}")
    _set_floor(ax)
    _bare(ax)
    _set_title(ax, [drawing])
    _add_legend(ax, given)
    return ax


def power(result: Any, *, ax: Any = None) -> Any:
    """Draw how often an atom is found against the number of samples.

    The band is the uncertainty of the simulation; hollow points have too few samples for their
    symbols. A vertical line marks how many samples reach the power that is wanted.

    Parameters
    ----------
    result : Power
        Of :func:`fastpid.power`.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ImportError
        If matplotlib is not installed (``pip install fastpid[plot]``).
    """
    ax = _axes(ax)
    color, marker = COLORS[result.atom], _MARKERS[result.atom]
    low, high = result.power_intervals.T
    ax.fill_between(result.n_samples, low, high, color=color, alpha=0.2, linewidth=0)
    ax.plot(result.n_samples, result.power, color=color, linewidth=1.5)
    for few in (False, True):
        at = (result.insufficient > 0.5) == few
        ax.plot(
            result.n_samples[at],
            result.power[at],
            color=color,
            marker=marker,
            linestyle="none",
            markerfacecolor=ax.get_facecolor() if few else color,
        )
    ax.axhline(result.wanted, color=_ink(), linewidth=0.8, linestyle="--")
    if result.needed is not None:
        ax.axvline(result.needed, color=_ink(), linewidth=0.8, linestyle="--")
        ax.annotate(
            f"{result.needed:,}", (result.needed, 0.02), xytext=(4, 0), textcoords="offset points"
        )
    ax.set_xscale("log")
    ax.set_ylim(0.0, 1.03)
    ax.set_xlabel("samples")
    ax.set_ylabel(f"power to find {result.atom} of {result.truth:.3g} {result.unit}")
    _bare(ax)
    return ax


def _axes(ax: Any) -> Any:
    plt = import_extra("matplotlib.pyplot", "a plot", "plot")
    if ax is not None:
        return ax
    _, ax = plt.subplots(layout="constrained")
    return ax


def _ink() -> Any:
    """Return the colour of text and lines, which a dark style makes light."""
    return import_extra("matplotlib", "a plot", "plot").rcParams["text.color"]


def _text(name: str, most: int = 24) -> str:
    """Return a name as it is: no mathematics between dollars, and not too long."""
    if len(name) > most:
        half = (most - 1) // 2
        name = f"{name[:half]}\u2026{name[-half:]}"
    return name.replace("$", r"\$")


def _names_of(drawings: Sequence[Drawing]) -> tuple[str, str, str]:
    """Return what the sources and the target of all drawings are called."""
    named = {drawing.names for drawing in drawings}
    names = named.pop() if len(named) == 1 else None
    if names is None or names == ROLES:
        return "X", "Y", "Z"
    return names


def _titles(drawings: Sequence[Drawing]) -> dict[str, str]:
    x, y, _ = _names_of(drawings)
    return {
        "redundancy": "redundancy",
        "unique_x": f"unique to {_text(x)}",
        "unique_y": f"unique to {_text(y)}",
        "synergy": "synergy",
    }


def _set_title(ax: Any, drawings: Sequence[Drawing]) -> None:
    x, y, z = map(_text, _names_of(drawings))
    ax.set_title(f"What {x} and {y} say about {z}", fontsize="medium", loc="left")


def _name_ticks(axis: Any, names: Sequence[str], *, upright: bool = False) -> None:
    """Label an axis with names, thinned out and turned where they would overlap."""
    step = max(1, -(-len(names) // _MOST_TICKS))
    ticks = list(range(0, len(names), step))
    shown = [_text(names[i]) for i in ticks]
    if not any(shown):
        axis.set_ticks([])
        return
    crowded = axis.axis_name == "x" and (upright or sum(map(len, shown)) > 60)
    size = 8 if upright or len(shown) > 8 else None
    axis.set_ticks(ticks, shown, rotation=90 if crowded else 0, fontsize=size)


def _set_floor(ax: Any) -> None:
    """Keep rounding errors from filling the axis."""
    low, high = ax.get_ylim()
    if max(abs(low), abs(high)) < _LEAST_HEIGHT:
        ax.set_ylim(-0.1 * _LEAST_HEIGHT, _LEAST_HEIGHT)


def _add_legend(ax: Any, given: bool, *, reverse: bool = False) -> None:
    """Add a legend: beside axes of our own, inside those given, which may have neighbours."""
    handles, titles = ax.get_legend_handles_labels()
    if reverse:
        handles, titles = handles[::-1], titles[::-1]
    place = {"loc": "best"} if given else {"loc": "center left", "bbox_to_anchor": (1.0, 0.5)}
    ax.legend(handles, titles, frameon=False, **place)


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
