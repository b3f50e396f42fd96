"""How many samples it takes."""

from __future__ import annotations

from typing import Any

from fastpid.plot._style import COLORS, MARKERS, axes_or_new, ink_color, strip_frame


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
    ax = axes_or_new(ax)
    color, marker = COLORS[result.atom], MARKERS[result.atom]
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
    ax.axhline(result.wanted, color=ink_color(), linewidth=0.8, linestyle="--")
    if result.needed is not None:
        ax.axvline(result.needed, color=ink_color(), linewidth=0.8, linestyle="--")
        ax.annotate(
            f"{result.needed:,}", (result.needed, 0.02), xytext=(4, 0), textcoords="offset points"
        )
    ax.set_xscale("log")
    ax.set_ylim(0.0, 1.03)
    ax.set_xlabel("samples")
    ax.set_ylabel(f"power to find {result.atom} of {result.truth:.3g} {result.unit}")
    strip_frame(ax)
    return ax
