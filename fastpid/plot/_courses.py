"""Atoms over time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid._base.checks import check_choice
from fastpid._base.drawing import Drawing
from fastpid._base.quantities import ATOMS
from fastpid.plot._style import (
    COLORS,
    MARKERS,
    add_legend,
    axes_or_new,
    ink_color,
    set_floor,
    set_title,
    several_drawings,
    shortened,
    strip_frame,
    titles_of,
)


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
    _, drawings = several_drawings(results, None)
    at: NDArray[Any] = np.arange(len(drawings)) if times is None else np.asarray(times)
    if at.shape != (len(drawings),):
        raise ValueError(f"times must have {len(drawings)} entries; got shape {at.shape}")
    for atom in atoms:
        check_choice("atoms", atom, ATOMS)
    given, ax = ax is not None, axes_or_new(ax)
    titles = titles_of(drawings)
    for atom in atoms:
        values = np.array([drawing.values[atom] for drawing in drawings])
        low, high = np.array([drawing.band(atom) for drawing in drawings]).T
        ax.fill_between(at, low, high, color=COLORS[atom], alpha=0.2, linewidth=0)
        ax.plot(
            at,
            values,
            color=COLORS[atom],
            marker=MARKERS[atom] if len(drawings) <= 60 else "",
            markersize=4,
            linewidth=1.5,
            label=titles[atom],
        )
    ax.axhline(0.0, color=ink_color(), linewidth=0.8)
    ax.set_xlabel(shortened(str(getattr(times, "name", None) or "time")))
    ax.set_ylabel(f"information / {drawings[0].unit}")
    if at.dtype.kind in "MO":  # dates, whose labels would run into one another
        from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

        locator = AutoDateLocator()
        ax.xaxis.set_major_locator(locator)
        ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    set_floor(ax)
    strip_frame(ax)
    set_title(ax, drawings)
    add_legend(ax, given)
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
    given, ax = ax is not None, axes_or_new(ax)
    named = [Drawing(result.unit, {}, {}, None, result.names)]
    times, titles = result.times, titles_of(named)
    for atom in atoms:
        if atom in result.bands:
            low, high = result.bands[atom]
            ax.fill_between(times, low, high, color=COLORS[atom], alpha=0.2, linewidth=0)
        ax.plot(times, result.values[atom], color=COLORS[atom], linewidth=1.5, label=titles[atom])
    ax.axhline(0.0, color=ink_color(), linewidth=0.8)
    set_floor(ax)
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
    strip_frame(ax)
    set_title(ax, named)
    add_legend(ax, given)
    return ax
