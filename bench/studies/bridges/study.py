"""The bridges beside what they stand in for: the same call, the same argument, one after the other.

    python bench/studies/bridges/study.py             results.md, results.csv, docs/img/bridges.svg
    python bench/studies/bridges/study.py --smoke     seconds, writes nothing

dit comes with the test dependencies, and solves by its own default, by alternating minimisation
("admui") and, if ecos is installed, by a cone program. The notebooks' model runs as
fastpid.reference.cvx_pid. BROJA_2PID, MAXENT3D_PID and gpid are on no package index; they are
measured where they can be imported, for example by PYTHONPATH=/path/to/their/clones.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import importlib
import importlib.util
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

import fastpid
from fastpid import gates
from fastpid.compat import broja_2pid, gpid, maxent3d, multimodal_pid
from fastpid.compat.dit import PID_BROJA

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results.csv"
PLOT = HERE.parents[2] / "docs" / "img" / "bridges.svg"

#: No more rounds of a call that has taken as long as this, in seconds.
PATIENCE = 3.0


@dataclasses.dataclass(frozen=True)
class Case:
    """A call that is answered twice.

    Attributes
    ----------
    package, method : str
        What answers beside fastpid.
    table : str
    theirs, ours : callable
        Return the four atoms, in one order and in bits.
    """

    package: str
    method: str
    table: str
    theirs: Callable[[], Any]
    ours: Callable[[], Any]


@dataclasses.dataclass(frozen=True)
class Timing:
    """What came of a case: seconds of CPU time, and the largest difference of an atom in bits."""

    package: str
    method: str
    table: str
    theirs: float
    ours: float
    difference: float

    @property
    def ratio(self) -> float:
        """How many times faster fastpid is."""
        return self.theirs / self.ours


def tables(smoke: bool) -> dict[str, np.ndarray]:
    """Gates, and dense random tables of growing size."""
    named = {"AND": gates.and_(), "PWUNQ": gates.pw_unq()}
    sizes = [(2, 2, 2)] if smoke else [(2, 2, 2), (3, 3, 3), (4, 4, 4), (8, 8, 4), (10, 10, 10)]
    return named | {"x".join(map(str, s)): gates.random_dense(s, rng=0) for s in sizes}


def outcomes(p: np.ndarray) -> dict[tuple[int, ...], float]:
    """Return a table as a dict of outcomes, the target first."""
    cells = [tuple(map(int, cell)) for cell in np.argwhere(p > 0)]
    return {(cell[-1], *cell[:-1]): float(p[cell]) for cell in cells}


def _installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def dit_cases(smoke: bool) -> Iterator[Case]:
    """PID_BROJA, by each of its methods as far as it is bearable."""
    import dit

    largest = {"auto": 200, "admui": 8, "cone": 1000}
    methods = ["auto", "admui", *(["cone"] if _installed("ecos") else [])]
    for name, p in tables(smoke).items():
        cells = [tuple(map(int, cell)) for cell in np.argwhere(p > 0)]
        d = dit.Distribution(cells, [float(p[cell]) for cell in cells])
        nodes = [((0,), (1,)), ((0,),), ((1,),), ((0, 1),)]

        def ours(d: Any = d, nodes: Any = nodes) -> list[float]:
            found = PID_BROJA(d)
            return [found[node] for node in nodes]

        for method in methods:
            if np.prod(p.shape) > largest[method] and name not in ("AND", "PWUNQ"):
                continue

            def theirs(d: Any = d, nodes: Any = nodes, method: str = method) -> list[float]:
                found = dit.pid.PID_BROJA(d, method=method)
                return [found[node] for node in nodes]

            yield Case("dit", method, name, theirs, ours)


def notebook_cases(smoke: bool) -> Iterator[Case]:
    """get_measure(), beside the published model and the solver that it falls back on."""
    keys = ("redundancy", "unique1", "unique2", "synergy")
    for name, p in tables(smoke).items():

        def theirs(p: np.ndarray = p) -> list[float]:
            d = fastpid.reference.cvx_pid(p, formulation="published", solver="SCS")
            return [d.redundancy, d.unique_x, d.unique_y, d.synergy]

        def ours(p: np.ndarray = p) -> list[float]:
            found = multimodal_pid.get_measure(p)
            return [found[key] / np.log(2) for key in keys]

        yield Case("multimodal PID", "published model, SCS", name, theirs, ours)


def dict_cases(smoke: bool) -> Iterator[Case]:
    """BROJA_2PID's and MAXENT3D_PID's pid(pdf), where they can be imported."""

    def atoms(call: Callable[[Any], dict[str, Any]], pdf: Any, keys: Any) -> Callable[[], Any]:
        def run() -> list[float]:
            found = call(pdf)
            return [found[key] for key in keys]

        return run

    if _installed("BROJA_2PID"):
        original = importlib.import_module("BROJA_2PID")
        keys = ("SI", "UIY", "UIZ", "CI")
        for name, p in tables(smoke).items():
            pdf = outcomes(p)
            yield Case(
                "BROJA_2PID",
                "ECOS",
                name,
                atoms(original.pid, pdf, keys),
                atoms(broja_2pid.pid, pdf, keys),
            )
    if _installed("MAXENT3D_PID"):
        original = importlib.import_module("MAXENT3D_PID")
        keys = ("CI", "SI", "UIX", "UIY", "UIZ", "UIXY", "UIXZ", "UIYZ")
        for n in (2,) if smoke else (2, 3, 4):
            p = gates.random_dense((n, n * n, n), rng=0).reshape((n,) * 4)
            yield Case(
                "MAXENT3D_PID",
                "ECOS",
                f"{n}x{n}x{n}|{n}",
                atoms(original.pid, outcomes(p), keys),
                atoms(maxent3d.pid, outcomes(p), keys),
            )


def gaussian_cases(smoke: bool) -> Iterator[Case]:
    """Return calls of exact_gauss_tilde_pid(cov, dm, dx, dy), where gpid can be imported."""
    if not _installed("gpid"):
        return
    original = importlib.import_module("gpid.tilde_pid").exact_gauss_tilde_pid
    rng = np.random.default_rng(0)
    for sizes in [(1, 1, 1)] if smoke else [(1, 1, 1), (2, 2, 2), (5, 5, 5), (10, 10, 10)]:
        total = sum(sizes)
        a = rng.normal(size=(total, 2 * total))
        cov = a @ a.T / total

        def run(call: Any, cov: np.ndarray = cov, sizes: Any = sizes) -> Any:
            return call(cov, *sizes)[5:9]

        yield Case(
            "gpid",
            "projected gradient",
            "+".join(map(str, sizes)),
            lambda run=run: run(original),
            lambda run=run: run(gpid.exact_gauss_tilde_pid),
        )


def seconds(call: Callable[[], Any], rounds: int) -> tuple[float, Any]:
    """Return the median CPU time of a call, and its last answer."""
    times: list[float] = []
    answer = None
    while len(times) < rounds and sum(times) < PATIENCE:
        start = time.process_time()
        answer = call()
        times.append(time.process_time() - start)
    return median(times), answer


def run(smoke: bool) -> list[Timing]:
    """Measure every case, both sides in turn."""
    found = []
    warnings.simplefilter("ignore")
    for cases in (dit_cases, notebook_cases, dict_cases, gaussian_cases):
        for case in cases(smoke):
            case.ours()
            theirs, wanted = seconds(case.theirs, 2 if smoke else 7)
            ours, answer = seconds(case.ours, 5 if smoke else 50)
            off = float(np.max(np.abs(np.subtract(wanted, answer))))
            found.append(Timing(case.package, case.method, case.table, theirs, ours, off))
            print(
                f"{case.package:<16}{case.method:<22}{case.table:<10}{theirs:>10.4f} s"
                f"{ours * 1e3:>10.3f} ms{theirs / ours:>10.0f}x   off by {off:.1e}",
                flush=True,
            )
    return found


def _seconds(value: float) -> str:
    for limit, unit, scale in ((1e-3, "us", 1e6), (1.0, "ms", 1e3), (np.inf, "s", 1.0)):
        if value < limit:
            return f"{value * scale:.3g} {unit}"
    raise AssertionError(value)


def markdown(found: list[Timing], note: str) -> str:
    """Return the results as a page."""
    lines = [
        "# The bridges beside what they stand in for",
        "",
        "Median CPU time of a whole call on one core, both sides in one run "
        "(`python bench/studies/bridges/study.py`). *Difference* is the largest of an atom, in "
        "bits; fastpid's atoms are certified to 1e-9 bit, so it is the other's error.",
        "",
        *([note, ""] if note else []),
        "| call of | by | table | there | here | ratio | difference |",
        "|---|---|---|---|---|---|---|",
    ]
    for t in found:
        lines.append(
            f"| {t.package} | {t.method} | {t.table} | {_seconds(t.theirs)} | "
            f"{_seconds(t.ours)} | {t.ratio:,.0f} | {t.difference:.0e} |"
        )
    return "\n".join([*lines, ""])


def save(found: list[Timing]) -> None:
    """Keep the figures, for plots."""
    with open(RESULTS, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(field.name for field in dataclasses.fields(Timing))
        for t in found:
            names = (t.package, t.method, t.table)
            writer.writerow([*names, *(f"{v:.3g}" for v in (t.theirs, t.ours, t.difference))])


def load() -> list[Timing]:
    """Return what an earlier run measured."""
    with open(RESULTS, newline="", encoding="utf-8") as file:
        return [Timing(*row[:3], *map(float, row[3:])) for row in list(csv.reader(file))[1:]]


def draw(found: list[Timing]) -> None:
    """Draw both times of every case, the error of the other in the place of a name."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "fastpid"
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7.0, 0.24 * len(found) + 1.2), layout="constrained")
    rows = np.arange(len(found))[::-1]
    axes.hlines(rows, [t.ours for t in found], [t.theirs for t in found], color="0.85", zorder=1)
    axes.scatter([t.ours for t in found], rows, color="#0072b2", label="fastpid", zorder=2)
    axes.scatter(
        [t.theirs for t in found], rows, color="#d55e00", label="the package itself", zorder=2
    )
    axes.set_yticks(rows, [f"{t.package}, {t.method}: {t.table}" for t in found], fontsize=7)
    axes.set_xscale("log")
    axes.set_xlabel("CPU time of a call, s")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, 1.06), ncols=2)
    figure.savefig(PLOT, metadata={"Date": None})
    plt.close(figure)


def main() -> None:
    """Run the study."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--smoke", action="store_true", help="seconds; writes nothing")
    parser.add_argument("--note", default="", help="a sentence for results.md, say on versions")
    arguments = parser.parse_args()
    found = run(arguments.smoke)
    if not arguments.smoke:
        (HERE / "results.md").write_text(markdown(found, arguments.note), encoding="utf-8")
        save(found)
        draw(found)


if __name__ == "__main__":
    main()
