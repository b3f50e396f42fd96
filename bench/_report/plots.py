"""The figures of the report.

    python bench/_report/plots.py [RESULTS [FOLDER [SUFFIX]]]

draws bench/report.json, which a full run leaves behind, into docs/img.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gaps
import matplotlib
from grid import COMPACT

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullLocator
from results import GapPoint, Rate, Results, Timing

HERE = Path(__file__).resolve().parent.parent
FOLDER = HERE.parent / "docs" / "img"

#: Okabe and Ito's palette, which colour-blind readers can tell apart.
BLACK, ORANGE, SKY, GREEN, BLUE, VERMILLION, PURPLE = (
    "#000000",
    "#E69F00",
    "#56B4E9",
    "#009E73",
    "#0072B2",
    "#D55E00",
    "#CC79A7",
)
GREY = "#777777"
#: In shape too, for print without colour.
MARKERS = ("o", "s", "^", "D", "v")

STYLE = {
    "font.size": 9,
    "axes.labelsize": 9,
    "axes.titlesize": 9,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.5,
    "lines.linewidth": 1.5,
    "lines.markersize": 4.5,
    "svg.hashsalt": "fastpid",  # the same ids in every run, so that only data change the file
}


def _name_lines(axes: Any, ends: list[tuple[str, tuple[float, float], str]]) -> None:
    """Write each line's name to the right of its last point, apart from the one below."""
    apart = 11.0  # points, a line of text
    last: tuple[float, float] | None = None
    for text, (x, y), color in sorted(ends, key=lambda end: end[1][1]):
        height = float(axes.transData.transform((x, y))[1]) * 72.0 / axes.figure.dpi
        placed = height
        if last is not None and last[0] == x and height - last[1] < apart:
            placed = last[1] + apart
        axes.annotate(
            text,
            (x, y),
            (7, placed - height),
            textcoords="offset points",
            va="center",
            color=color,
            fontsize=8.5,
            fontweight="bold",
        )
        last = x, placed


def throughput(rates: list[Rate]) -> Any:
    """Draw tables per second against the batch, compact CLARABEL as a band at the bottom."""
    figure, axes = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
    shapes = list(dict.fromkeys(r.shape for r in rates))
    colors = (BLUE, ORANGE, GREEN, VERMILLION, PURPLE)
    ends: list[tuple[str, tuple[float, float], str]] = []
    for shape, color, marker in zip(shapes, colors, MARKERS, strict=False):
        ours = [r for r in rates if r.shape == shape and r.solver == "fastpid"]
        one = sorted((r.batch, r.per_second) for r in ours if r.threads == 1)
        two = [(r.batch, r.per_second) for r in ours if r.threads == 2]
        if not one:
            continue
        axes.plot(*zip(*one, strict=True), color=color, marker=marker)
        for point in two:
            axes.plot(*point, color=color, marker=marker, fillstyle="none", linestyle="none")
        ends.append((shape, one[-1], color))
    peers = [r.per_second for r in rates if r.solver == COMPACT]
    if peers:
        axes.axhspan(min(peers), max(peers), color=GREY, alpha=0.3, linewidth=0)
        said = f"{COMPACT}, one table at a time (range over the shapes)"
        axes.annotate(
            said, (1, min(peers)), (0, -3), textcoords="offset points", va="top", fontsize=8.5
        )
    axes.set(xscale="log", yscale="log", xlabel="tables in one call", ylabel="tables per second")
    axes.set_xlim(0.7, max(r.batch for r in rates) * 5)
    axes.set_ylim(min(r.per_second for r in rates) / 3, max(r.per_second for r in rates) * 4)
    figure.draw_without_rendering()  # the names go by the final scale
    _name_lines(axes, ends)
    style = {"color": GREY, "marker": "o", "linestyle": "none"}
    handles = [
        Line2D([], [], **{**style, "linestyle": "-"}, label="fastpid, one thread"),
        Line2D([], [], **style, fillstyle="none", label="two threads"),
    ]
    axes.legend(handles=handles, loc="upper left")
    axes.set_title("Dense tables, every one certified to 1e-9 bit", loc="left")
    return figure


def scaling(timings: list[Timing]) -> Any:
    """Draw time against nx = ny for some nz, and against nz; dashed: compact CLARABEL."""
    figure, panels = plt.subplots(
        1, 2, figsize=(7.6, 4.0), layout="constrained", sharey=True, width_ratios=(3, 2)
    )
    colors = {"nz = 2": BLUE, "nz = 5": GREEN, "nz = 10": VERMILLION, "nx = ny = 10": PURPLE}
    ends: list[tuple[str, tuple[float, float], str]] = []
    for series, marker in zip(colors, MARKERS, strict=False):
        color = colors[series]
        axes = panels[1] if series.startswith("nx") else panels[0]
        for solver in ("fastpid", COMPACT):
            line = sorted(
                (t.size, t.seconds) for t in timings if (t.series, t.solver) == (series, solver)
            )
            if not line:
                continue
            peer = solver == COMPACT
            axes.plot(
                *zip(*line, strict=True),
                color=color,
                marker=marker,
                linestyle="--" if peer else "-",
                fillstyle="none" if peer else "full",
            )
            if not peer and axes is panels[0]:
                ends.append((series, line[-1], color))
    for axes, name in zip(
        panels, ("symbols of each source, nx = ny", "target symbols, nz"), strict=True
    ):
        axes.set(xscale="log", yscale="log", xlabel=name)
        axes.xaxis.set_major_locator(FixedLocator([2, 5, 10, 20, 50, 100, 200, 500]))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_locator(NullLocator())
    for axes, room in zip(panels, (2.0, 1.2), strict=True):  # on the left for the names
        low, high = axes.get_xlim()
        axes.set_xlim(low, high * room)
    panels[0].set_ylabel("seconds")
    panels[0].set_title("Dense tables, one thread; fastpid to 1e-9 bit", loc="left")
    panels[1].set_title("nx = ny = 10", loc="left")
    handles = [
        Line2D([], [], color=GREY, marker="o", label="fastpid"),
        Line2D([], [], color=GREY, marker="o", linestyle="--", fillstyle="none", label=COMPACT),
    ]
    panels[0].legend(handles=handles, loc="upper left")
    figure.draw_without_rendering()
    _name_lines(panels[0], ends)
    return figure


def gap_against_time(points: list[GapPoint]) -> Any:
    """Draw a panel per family and shape, with a line per method through its tolerances."""
    shapes = list(dict.fromkeys(p.shape for p in points))
    families = list(dict.fromkeys(p.family for p in points))
    styles = {
        "proxy": (BLACK, "*"),
        "gradient": (ORANGE, "s"),
        "newton": (BLUE, "o"),
        "auto": (VERMILLION, "x"),
        COMPACT: (GREEN, "D"),
    }
    figure, grid = plt.subplots(
        len(shapes),
        len(families),
        figsize=(8.4, 2.1 * len(shapes) + 0.7),
        sharex=True,
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    for row, shape in zip(grid, shapes, strict=True):
        for axes, family in zip(row, families, strict=True):
            for solver in gaps.TOLERANCES:
                color, marker = styles[solver]
                line = sorted(
                    (max(p.gap, FLOOR), p.seconds)
                    for p in points
                    if (p.shape, p.family, p.solver) == (shape, family, solver)
                )
                if line:
                    dashed = {"linestyle": ":", "zorder": 3} if solver == "auto" else {}
                    reached, seconds = zip(*line, strict=True)
                    style = {"color": color, "marker": marker, "label": solver}
                    axes.plot(seconds, reached, **style, **dashed)
            axes.set(xscale="log", yscale="log")
            axes.set_title(f"{family} {shape}", loc="left")
    figure.supxlabel("seconds, one thread", fontsize=9)
    figure.supylabel("certified gap, bits", fontsize=9)
    handles, labels = grid[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels))
    return figure


#: Gaps below rounding are drawn here.
FLOOR = 1e-14


def draw(results: Results, folder: Path, suffix: str = "svg") -> list[Path]:
    """Draw the figures of the suites that ran, and return their files."""
    growing = [t for t in results.scaling if t.series != "large"]
    wanted: Sequence[tuple[str, Any, list[Any]]] = (
        ("throughput", throughput, results.throughput),
        ("scaling", scaling, growing),
        ("gap-against-time", gap_against_time, results.gaps),
    )
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    with plt.rc_context(STYLE):
        for name, plot, measured in wanted:
            if not measured:
                continue
            file = folder / f"{name}.{suffix}"
            figure = plot(measured)
            figure.savefig(file, dpi=150, metadata={"Date": None} if suffix == "svg" else None)
            plt.close(figure)
            files.append(file)
    return files


def main(results: str = "", folder: str = "", suffix: str = "svg") -> None:
    """Draw what an earlier run measured."""
    measured = Results.load(Path(results) if results else HERE / "report.json")
    for file in draw(measured, Path(folder) if folder else FOLDER, suffix):
        print(file)


if __name__ == "__main__":
    main(*sys.argv[1:])
