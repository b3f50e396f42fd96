"""What plots have in common: colours, names, axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fastpid._base.drawing import Drawing
from fastpid._base.extras import import_extra
from fastpid._base.quantities import ROLES

COLORS = {
    "redundancy": "#0072B2",
    "unique_x": "#E69F00",
    "unique_y": "#56B4E9",
    "synergy": "#D55E00",
}
"""The colours of the atoms (Okabe and Ito), which colour-blind readers can tell apart."""
HATCHES = {"redundancy": "", "unique_x": "//", "unique_y": "\\\\", "synergy": ".."}
MARKERS = {"redundancy": "o", "unique_x": "^", "unique_y": "v", "synergy": "s"}
#: More tick labels than this on an axis are thinned out.
MOST_TICKS = 20
#: The least height of an axis, in the unit, so that rounding errors do not fill it.
LEAST_HEIGHT = 0.01


def axes_or_new(ax: Any) -> Any:
    plt = import_extra("matplotlib.pyplot", "a plot", "plot")
    if ax is not None:
        return ax
    _, ax = plt.subplots(layout="constrained")
    return ax


def ink_color() -> Any:
    """Return the colour of text and lines, which a dark style makes light."""
    return import_extra("matplotlib", "a plot", "plot").rcParams["text.color"]


def shortened(name: str, most: int = 24) -> str:
    """Return a name as it is: no mathematics between dollars, and not too long."""
    if len(name) > most:
        half = (most - 1) // 2
        name = f"{name[:half]}\u2026{name[-half:]}"
    return name.replace("$", r"\$")


def names_of(drawings: Sequence[Drawing]) -> tuple[str, str, str]:
    """Return what the sources and the target of all drawings are called."""
    named = {drawing.names for drawing in drawings}
    names = named.pop() if len(named) == 1 else None
    if names is None or names == ROLES:
        return "X", "Y", "Z"
    return names


def titles_of(drawings: Sequence[Drawing]) -> dict[str, str]:
    x, y, _ = names_of(drawings)
    return {
        "redundancy": "redundancy",
        "unique_x": f"unique to {shortened(x)}",
        "unique_y": f"unique to {shortened(y)}",
        "synergy": "synergy",
    }


def set_title(ax: Any, drawings: Sequence[Drawing]) -> None:
    x, y, z = map(shortened, names_of(drawings))
    ax.set_title(f"What {x} and {y} say about {z}", fontsize="medium", loc="left")


def name_ticks(axis: Any, names: Sequence[str], *, upright: bool = False) -> None:
    """Label an axis with names, thinned out and turned where they would overlap."""
    step = max(1, -(-len(names) // MOST_TICKS))
    ticks = list(range(0, len(names), step))
    shown = [shortened(names[i]) for i in ticks]
    if not any(shown):
        axis.set_ticks([])
        return
    crowded = axis.axis_name == "x" and (upright or sum(map(len, shown)) > 60)
    size = 8 if upright or len(shown) > 8 else None
    axis.set_ticks(ticks, shown, rotation=90 if crowded else 0, fontsize=size)


def set_floor(ax: Any) -> None:
    """Keep rounding errors from filling the axis."""
    low, high = ax.get_ylim()
    if max(abs(low), abs(high)) < LEAST_HEIGHT:
        ax.set_ylim(-0.1 * LEAST_HEIGHT, LEAST_HEIGHT)


def add_legend(ax: Any, given: bool, *, reverse: bool = False) -> None:
    """Add a legend: beside axes of our own, inside those given, which may have neighbours."""
    handles, titles = ax.get_legend_handles_labels()
    if reverse:
        handles, titles = handles[::-1], titles[::-1]
    place = {"loc": "best"} if given else {"loc": "center left", "bbox_to_anchor": (1.0, 0.5)}
    ax.legend(handles, titles, frameon=False, **place)


def strip_frame(ax: Any) -> None:
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)


def drawings_of(result: Any) -> Sequence[Drawing]:
    if not hasattr(result, "_drawings"):
        raise TypeError(f"results must be Decompositions or Estimates; got {type(result).__name__}")
    drawings: Sequence[Drawing] = result._drawings()
    return drawings


def several_drawings(results: Any, labels: Sequence[str] | None) -> tuple[list[str], list[Drawing]]:
    """Return names, and drawings of one table each."""
    names: list[str] | None = None
    if isinstance(results, Mapping):
        names, results = [str(name) for name in results], list(results.values())
    if hasattr(results, "_drawings"):
        drawings = list(results._drawings())
    else:
        groups = [drawings_of(result) for result in results]
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
