"""Which estimator when: bias, coverage and false alarms of fastpid.estimate, the truth known.

    python bench/studies/estimation/study.py          all of it, an hour and a half on two cores
    python bench/studies/estimation/study.py --smoke  a minute's worth, into a temporary folder

Writes results.csv and report.md beside this file, and docs/img/estimation-*.svg. Every data set is
drawn from a table whose decomposition is known to 1e-9 bit; seeds are fixed.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
import time
import warnings
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed
from scipy.stats import binom
from tqdm import tqdm

import fastpid
from fastpid._base.quantities import ATOMS
from fastpid.estimation import estimate_table
from fastpid.joint import JointTable

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
BIASES = ("none", "miller_madow", "chao_shen", "qe", "jackknife", "shuffle", "qe_shuffle")
INTERVALS = ("normal", "pivot")
NULLS = ("conditional", "target")
SIZES = (50, 100, 300, 1000, 3000, 10_000, 100_000)
RESAMPLES = 199
PIVOT_RESAMPLES = 1000
#: One of so many data sets is given to what is not the default.
OTHERS = 4
#: An atom below this is zero for all that its samples can say.
ZERO = 1e-6


def noisy(p: np.ndarray, share: float) -> np.ndarray:
    """Replace a share of the targets by uniform ones."""
    return (1 - share) * p + share * p.sum(axis=2, keepdims=True) / p.shape[2]


def gaussian(n: int, mean_of_z) -> np.ndarray:
    """X and Y standard normal, Z normal about a function of both, on a grid of n points."""
    grid = np.linspace(-2, 2, n)
    x, y, z = np.meshgrid(grid, grid, grid, indexing="ij")
    p = np.exp(-(x**2) / 2 - y**2 / 2 - (z - mean_of_z(x, y)) ** 2 / 0.5)
    return p / p.sum()


def garbled(p: np.ndarray, channel: np.ndarray) -> np.ndarray:
    """Return a table like p in which x says of z what y sent through a channel says: no more."""
    yz = p.sum(axis=0)
    xz = channel @ yz
    for _ in range(500):
        p = p * (xz / p.sum(axis=1))[:, None, :]
        p = p * (yz / p.sum(axis=0))[None]
    return p / p.sum()


def distributions() -> dict[str, np.ndarray]:
    """Tables by name: gates with noise, random ones, ones without any synergy, smooth ones."""
    redundant = np.zeros((2, 2, 2))
    redundant[0, 0, 0] = redundant[1, 1, 1] = 0.45
    redundant[0, 1, 0] = redundant[1, 0, 1] = 0.05
    unique = np.zeros((2, 2, 2))
    unique[0, :, 0] = unique[1, :, 1] = 0.25
    random = np.random.default_rng(0)
    of_xy, given_x = random.dirichlet(np.ones(9)).reshape(3, 3), random.dirichlet(np.ones(3), 3)
    independent = np.einsum("i,j,k->ijk", *random.dirichlet(3 * np.ones(3), 3))
    no_synergy = fastpid.decompose(random.dirichlet(np.ones(27)).reshape(3, 3, 3)).coupling()
    two_unique = np.zeros((2, 2, 4))
    two_unique[[0, 0, 1, 1], [0, 1, 0, 1], [0, 1, 2, 3]] = 0.25
    random_4x4x3 = np.random.default_rng(3).dirichlet(np.ones(48)).reshape(4, 4, 3)
    channel = np.random.default_rng(4).dirichlet(np.full(4, 0.3), 4).T
    return {
        "independent 3x3x3": independent,
        "noisy AND": noisy(fastpid.gates.and_(), 0.1),
        "noisy XOR": noisy(fastpid.gates.xor(), 0.4),
        "noisy redundant": noisy(redundant, 0.3),
        "noisy unique": noisy(unique, 0.3),
        "two unique 2x2x4": noisy(two_unique, 0.3),
        "chain Y-X-Z 3x3x3": of_xy[:, :, None] * given_x[:, None, :],
        "no synergy 3x3x3": no_synergy / no_synergy.sum(),
        "random 3x3x3": np.random.default_rng(1).dirichlet(np.ones(27)).reshape(3, 3, 3),
        "random 4x4x3": random_4x4x3,
        "garbled 4x4x3": garbled(random_4x4x3, channel),
        "sum 5x5x5": gaussian(5, lambda x, y: 0.7 * x + 0.4 * y),
        "product 8x8x8": gaussian(8, lambda x, y: 0.7 * x * y),
        "independent 8x8x4": np.einsum(
            "i,j,k->ijk", *(random.dirichlet(np.full(k, 4.0)) for k in (8, 8, 4))
        ),
        "random 10x10x10": random.dirichlet(np.full(1000, 0.3)).reshape(10, 10, 10),
    }


def replicates(name: str) -> int:
    """How many data sets: fewer where one takes long."""
    return 250 if name.endswith(("8x8x8", "8x8x4", "10x10x10")) else 500


def one(p: np.ndarray, n_samples: int, seed: int) -> list[tuple[str, str, str, float, float]]:
    """Return (what, how, atom, value, width) of one data set.

    The error of each bias correction, whether each interval covers (and its width), and whether
    each test rejects at 5%; none if the data are refused.
    """
    warnings.simplefilter("ignore", fastpid.UndersampledWarning)
    truth = fastpid.decompose(p)
    counts = np.random.default_rng([seed, n_samples]).multinomial(n_samples, p.ravel())
    labels = tuple(tuple(range(n)) for n in p.shape)
    table = JointTable.of_counts(counts.reshape(p.shape), labels, ("x", "y", "z"))
    quiet = {"progress": False, "threads": 1, "rng": seed}

    def covers(e: fastpid.Estimate) -> None:
        for atom in ATOMS:
            low, high = e.intervals[atom]
            within = low - ZERO <= getattr(truth, atom) <= high + ZERO
            rows.append(("covers", e.ci, atom, float(within), high - low))
            rows.append(("inside", e.ci, atom, float(low <= e.values[atom] <= high), 0.0))

    def rejects(e: fastpid.Estimate) -> None:
        for atom in ATOMS:
            rows.append(("rejects", e.null, atom, float(e.p_values[atom] <= 0.05), 0.0))

    rows: list[tuple[str, str, str, float, float]] = []
    try:
        e = estimate_table(table, n_bootstrap=RESAMPLES, n_permutations=RESAMPLES, **quiet)
    except ValueError:
        return []
    covers(e)
    rejects(e)
    rows.append(("sampling", "coverage", "", e.sampling.coverage, 0.0))
    rows.append(("sampling", "flagged", "", float(not e.sampling.is_sufficient), 0.0))
    rows.append(("sampling", "per occupied cell", "", e.sampling.samples_per_occupied_cell, 0.0))
    for bias in BIASES:
        e = estimate_table(table, bias=bias, ci="none", n_permutations=0, **quiet)
        for atom in ATOMS:
            rows.append(("error", bias, atom, e.corrected[atom] - getattr(truth, atom), 0.0))
    if seed % OTHERS == 0:
        covers(
            estimate_table(
                table, ci="pivot", n_bootstrap=PIVOT_RESAMPLES, n_permutations=RESAMPLES, **quiet
            )
        )
        rejects(estimate_table(table, ci="none", n_permutations=RESAMPLES, null="target", **quiet))
    return rows


def study(sizes: Iterable[int], share: float) -> list[dict[str, object]]:
    """Return one row for every distribution, size, method and atom."""
    tables = distributions()
    jobs = [
        (name, n, seed)
        for name in tables
        for n in sizes
        for seed in range(max(4, round(share * replicates(name))))
    ]
    runner = Parallel(n_jobs=-1, return_as="generator", batch_size=8)
    outcomes = runner(delayed(one)(tables[name], n, seed) for name, n, seed in jobs)
    found: dict[tuple[str, int, str, str, str], list[tuple[float, float]]] = {}
    for (name, n, _), rows in zip(jobs, tqdm(outcomes, total=len(jobs)), strict=True):
        for what, how, atom, value, width in rows:
            found.setdefault((name, n, what, how, atom), []).append((value, width))
    summary = []
    truths = {name: fastpid.decompose(p) for name, p in tables.items()}
    for (name, n, what, how, atom), pairs in found.items():
        values, widths = np.array(pairs).T
        summary.append(
            {
                "distribution": name,
                "n_samples": n,
                "what": what,
                "how": how,
                "atom": atom,
                "truth": round(float(getattr(truths[name], atom)), 6) if atom else "",
                "mean": round(float(values.mean()), 6),
                "rms": round(float(np.sqrt(np.mean(values**2))), 6),
                "width": round(float(widths.mean()), 6),
                "data_sets": len(values),
            }
        )
    return summary


class Summary:
    """Rows of the study, looked up by what they are about."""

    def __init__(self, rows: list[dict[str, object]]) -> None:
        self.of = {
            (r["distribution"], r["n_samples"], r["what"], r["how"], r["atom"]): r for r in rows
        }
        self.names = list(dict.fromkeys(r["distribution"] for r in rows))
        self.sizes = sorted({r["n_samples"] for r in rows})
        self.flagged = {
            (name, n): float(r["mean"])
            for (name, n, what, how, _), r in self.of.items()
            if (what, how) == ("sampling", "flagged")
        }

    def mean(self, *key: object) -> float:
        """Return the mean of (distribution, size, what, how, atom) over data sets."""
        return float(self.of[key]["mean"])

    def rms(self, *key: object) -> float:
        """Return the root mean square likewise."""
        return float(self.of[key]["rms"])

    def is_flagged(self, name: str, n: int) -> bool:
        """Whether more than half of the data sets are said to have too few samples."""
        return self.flagged[name, n] > 0.5

    def truth(self, name: str, atom: str) -> float:
        """Return the true value of an atom."""
        return float(self.of[name, self.sizes[0], "error", "none", atom]["truth"])


def kind(s: Summary, name: str, n: int, atom: str) -> str:
    """Say whether an atom is zero, faint (within two errors of it) or clear."""
    truth = s.truth(name, atom)
    if truth < 10 * ZERO:
        return "zero"
    return "faint" if truth < 2 * s.rms(name, n, "error", "qe", atom) else "clear"


def beyond(count: int, data_sets: int, bound: float, above: bool, cells: int) -> bool:
    """Whether a share is beyond a bound, at 5% for all cells together (Bonferroni)."""
    tail = binom.sf(count - 1, data_sets, bound) if above else binom.cdf(count, data_sets, bound)
    return bool(tail < 0.05 / cells)


def coverage_in_short(s: Summary, ci: str) -> list[str]:
    """Return Markdown: coverage by how clear an atom is and whether the samples are enough."""
    groups: dict[tuple[bool, str], list[dict[str, object]]] = {}
    for name in s.names:
        for n in s.sizes:
            for atom in ATOMS:
                if (row := s.of.get((name, n, "covers", ci, atom))) is not None:
                    key = s.is_flagged(name, n), kind(s, name, n, atom)
                    groups.setdefault(key, []).append(row)
    lines = [
        f'| samples, atoms (`"{ci}"`) | cells | average | least | below 90% | below 80% | '
        "above 98% |",
        "|---|---|---|---|---|---|---|",
    ]
    total = sum(map(len, groups.values()))
    for flagged, title in ((False, "enough"), (True, "too few")):
        for what in ("clear", "faint", "zero"):
            rows = groups.get((flagged, what), [])
            if not rows:
                continue
            shares = [float(r["mean"]) for r in rows]
            counts = [(round(float(r["mean"]) * int(r["data_sets"])), r["data_sets"]) for r in rows]
            cells = [
                sum(beyond(c, int(k), bound, above, total) for c, k in counts)
                for bound, above in ((0.9, False), (0.8, False), (0.98, True))
            ]
            lines.append(
                f"| {title}, {what} | {len(rows)} | {np.mean(shares):.1%} | {min(shares):.0%} | "
                + " | ".join(map(str, cells))
                + " |"
            )
    return lines


def errors_in_short(s: Summary) -> list[str]:
    """Return Markdown: how often an atom that is zero is significant at 5%."""
    lines = ["| test | atom | cells | average | most | above 7% |", "|---|---|---|---|---|---|"]
    for null in NULLS:
        for atom in ATOMS:
            rows = [
                s.of[name, n, "rejects", null, atom]
                for name in s.names
                for n in s.sizes
                if kind(s, name, n, atom) == "zero" and (name, n, "rejects", null, atom) in s.of
            ]
            if not rows:
                continue
            shares = [float(r["mean"]) for r in rows]
            above = sum(
                beyond(
                    round(float(r["mean"]) * int(r["data_sets"])),
                    int(r["data_sets"]),
                    0.07,
                    True,
                    len(rows),
                )
                for r in rows
            )
            weights = [int(r["data_sets"]) for r in rows]
            lines.append(
                f"| {null} | {atom} | {len(rows)} | {np.average(shares, weights=weights):.1%} | "
                f"{max(shares):.1%} | {above} |"
            )
    return lines


def bias_in_short(s: Summary) -> list[str]:
    """Return Markdown: the average size of the bias, and of the error, of every correction."""
    lines = [
        "| samples | measure | " + " | ".join(BIASES) + " |",
        "|---|---|" + "---|" * len(BIASES),
    ]
    cells = [(name, n) for name in s.names for n in s.sizes if (name, n) in s.flagged]
    independent = [cell for cell in cells if cell[0].startswith("independent")]
    for title, chosen in (
        ("enough", [c for c in cells if not s.is_flagged(*c)]),
        ("too few", [c for c in cells if s.is_flagged(*c)]),
        ("too few, nothing said", [c for c in independent if s.is_flagged(*c)]),
    ):
        if not chosen:
            continue
        for measure, number in (("bias", s.mean), ("error", s.rms)):
            values = (
                np.mean([abs(number(*cell, "error", bias, a)) for cell in chosen for a in ATOMS])
                for bias in BIASES
            )
            lines.append(
                f"| {title} | {measure} | " + " | ".join(f"{v:.4f}" for v in values) + " |"
            )
    return lines


def markdown(s: Summary, command: str, seconds: float) -> str:
    kept = [float(r["mean"]) for r in s.of.values() if r["what"] == "inside"]
    inside = sum(kept) / len(kept)
    took = f" ({seconds:.0f} s)" if seconds else ""
    lines = [
        "# Which estimator when",
        "",
        f"Written by `python {command}`{took}. Data sets are drawn from tables whose decomposition "
        f"is known; {RESAMPLES} resamples each ({PIVOT_RESAMPLES} for the pivot), in bits. An atom "
        "is clear if it is twice the root mean square error of its estimate or more, else faint. "
        "Samples are too few if that is said of more than half of the data sets. Numbers of cells "
        "beyond a bound are those beyond their sampling error, at 5% for all of them together.",
        "",
        "## In short",
        "",
        f"Coverage of the 95% intervals. Of the values, {inside:.2%} lie in their intervals.",
        "",
    ]
    for ci in INTERVALS:
        lines += [*coverage_in_short(s, ci), ""]
    lines += ["Atoms that are zero, significant at 5%:", "", *errors_in_short(s), ""]
    lines += [
        "Bias and root mean square error, averages of their size over cells and atoms:",
        "",
        *bias_in_short(s),
        "",
        "## Truth",
        "",
        "| distribution | " + " | ".join(ATOMS) + " |",
        "|---|" + "---|" * len(ATOMS),
    ]
    for name in s.names:
        lines.append(f"| {name} | " + " | ".join(f"{s.truth(name, a):.4f}" for a in ATOMS) + " |")
    for title, number in (("Mean error (bias)", s.mean), ("Root mean square error", s.rms)):
        lines += ["", f"## {title} of the synergy", ""]
        lines += ["| distribution | N | " + " | ".join(BIASES) + " |"]
        lines += ["|---|---|" + "---|" * len(BIASES)]
        for name in s.names:
            for n in s.sizes:
                cells = (f"{number(name, n, 'error', b, 'synergy'):+.4f}" for b in BIASES)
                lines.append(f"| {name} | {n:,} | " + " | ".join(cells) + " |")
    lines += ["", "## Largest bias among all four atoms", ""]
    lines += ["| distribution | N | " + " | ".join(BIASES) + " |"]
    lines += ["|---|---|" + "---|" * len(BIASES)]
    for name in s.names:
        for n in s.sizes:
            cells = (
                f"{max(abs(s.mean(name, n, 'error', b, a)) for a in ATOMS):.4f}" for b in BIASES
            )
            lines.append(f"| {name} | {n:,} | " + " | ".join(cells) + " |")
    lines += [
        "",
        "## Coverage of the 95% intervals, and sampling",
        "",
        "| distribution | N | coverage of the sampling | samples per occupied cell | too few | "
        + " | ".join(ATOMS)
        + " | pivot, least |",
        "|---|---|---|---|---|" + "---|" * (len(ATOMS) + 1),
    ]
    for name in s.names:
        for n in s.sizes:
            per_cell = s.mean(name, n, "sampling", "per occupied cell", "")
            row = [
                f"{s.mean(name, n, 'sampling', 'coverage', ''):.1%}",
                f"{per_cell:.1f}",
                f"{s.mean(name, n, 'sampling', 'flagged', ''):.0%}",
                *(f"{s.mean(name, n, 'covers', 'normal', a):.1%}" for a in ATOMS),
                f"{min(s.mean(name, n, 'covers', 'pivot', a) for a in ATOMS):.0%}",
            ]
            lines.append(f"| {name} | {n:,} | " + " | ".join(row) + " |")
    lines += [
        "",
        "## How often an atom is significant at 5%, by the conditional test",
        "",
        "False alarms where it is zero (0), else power.",
        "",
        "| distribution | N | " + " | ".join(ATOMS) + " |",
        "|---|---|" + "---|" * len(ATOMS),
    ]
    for name in s.names:
        for n in s.sizes:
            cells = (
                f"{s.mean(name, n, 'rejects', 'conditional', a):.1%}"
                + (" (0)" if s.truth(name, a) < 10 * ZERO else "")
                for a in ATOMS
            )
            lines.append(f"| {name} | {n:,} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def draw(s: Summary, folder: Path) -> None:
    """Plot the bias of the synergy, and the coverage of the four atoms, against N."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    plt.rcParams["svg.hashsalt"] = "fastpid"
    shown = [n for n in s.names if n in ("noisy AND", "random 4x4x3", "sum 5x5x5", "product 8x8x8")]
    colors = ("#000000", "#e69f00", "#f0e442", "#0072b2", "#009e73", "#cc79a7", "#d55e00")
    markers = "osPDv^X"
    for title, what, methods in (
        ("bias", "error", BIASES),
        ("coverage", "covers", INTERVALS),
    ):
        figure, axes = plt.subplots(1, len(shown), figsize=(11, 2.8), layout="constrained")
        for ax, name in zip(np.atleast_1d(axes), shown, strict=True):
            for method, color, marker in zip(methods, colors, markers, strict=False):
                values = [s.mean(name, n, what, method, "synergy") for n in s.sizes]
                ax.semilogx(s.sizes, values, color=color, marker=marker, ms=4, lw=1.2, label=method)
            if what == "error":
                ax.axhline(0.0, color="0.6", lw=0.8, zorder=0)
                ax.set_yscale("symlog", linthresh=0.01)
            else:
                ax.axhspan(0.90, 0.98, color="0.9", zorder=0)
                ax.set_ylim(0, 1.02)
            ax.set_title(name, fontsize=10)
            ax.set_xlabel("samples")
        label = "bias of the synergy / bit" if what == "error" else "coverage, synergy"
        np.atleast_1d(axes)[0].set_ylabel(label)
        handles = np.atleast_1d(axes)[-1].get_legend_handles_labels()
        figure.legend(*handles, fontsize=8, frameon=False, loc="outside right center")
        figure.savefig(folder / f"estimation-{title}.svg", metadata={"Date": None})
        plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--share", type=float, default=1.0, help="of the data sets")
    parser.add_argument("--report", action="store_true", help="from results.csv, as it is")
    args = parser.parse_args()
    folder = Path(tempfile.mkdtemp()) if args.smoke else HERE
    images = folder if args.smoke else ROOT / "docs" / "img"
    start = time.perf_counter()
    if not args.report:
        rows = study((100, 1000), 0.02) if args.smoke else study(SIZES, args.share)
        with open(folder / "results.csv", "w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    seconds = 0.0 if args.report else time.perf_counter() - start
    with open(folder / "results.csv", newline="") as file:
        rows = [{**row, "n_samples": int(row["n_samples"])} for row in csv.DictReader(file)]
    summary = Summary(rows)
    command = "bench/studies/estimation/study.py"
    command += f" --share {args.share:g}" if args.share < 1.0 else ""
    (folder / "report.md").write_text(markdown(summary, command, seconds))
    draw(summary, images)
    print(f"written to {folder} in {seconds:.0f} s")


if __name__ == "__main__":
    main()
