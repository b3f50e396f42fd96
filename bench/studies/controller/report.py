"""What the study found: Markdown and plots of its two CSV files."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

METHODS = (
    "joint only",
    "auxiliary",
    "fixed",
    "OGM-GE",
    "alternating",
    "prioritised",
    "prioritised, distilled",
    "MI controller",
    "PID controller",
    "skill controller",
)
CONTROLLERS = METHODS[-3:]
OURS, PAPERS = METHODS[-1], METHODS[-2]
#: Variants, and what they are variants of.
VARIANTS = {
    "fixed, fusion later": "fixed",
    "MI controller, fusion later": "MI controller",
    "PID controller, fusion later": PAPERS,
    "skill controller, fusion later": OURS,
    "waits": PAPERS,
    "holds nobody": PAPERS,
    "margin 2": PAPERS,
    "hard predictions": PAPERS,
    "union": PAPERS,
}
#: What may explain who gets the gradient.
EXPLAINED = ("mi_share", "unique_share", "redundancy", "synergy")
TERMS = ("synergy", "redundancy", "unique_0", "unique_1", "mi_0", "mi_1", "mi_joint")
#: Of the lines: the methods that are told apart by colour.
COLORS = {
    "joint only": "#000000",
    "auxiliary": "#e69f00",
    "fixed": "#999999",
    "OGM-GE": "#cc79a7",
    "prioritised": "#009e73",
    "MI controller": "#56b4e9",
    "PID controller": "#d55e00",
    "skill controller": "#0072b2",
}
MARKERS = dict(zip(COLORS, "o*sDP^vX", strict=True))


def read(path: Path) -> list[dict[str, object]]:
    """Read a CSV file of the study, without its empty cells."""
    rows = pd.read_csv(path).to_dict("records")
    return [{key: value for key, value in row.items() if not pd.isna(value)} for row in rows]


def mean_interval(values: Sequence[float]) -> tuple[float, float]:
    """Return the mean, and half the width of its 95% t interval."""
    x = np.asarray(values, dtype=float)
    if len(x) < 2:
        return float(x.mean()), float("nan")
    half = stats.t.ppf(0.975, len(x) - 1) * x.std(ddof=1) / np.sqrt(len(x))
    return float(x.mean()), float(half)


def paired(runs: pd.DataFrame, experiment: str, one: str, other: str) -> tuple[float, float, float]:
    """Return the mean difference of accuracies over seeds, its half width and the t-test's p."""
    by_seed = runs[runs["experiment"] == experiment].pivot(
        index="seed", columns="method", values="accuracy"
    )
    if not {one, other} <= set(by_seed):
        return float("nan"), float("nan"), float("nan")
    difference = (by_seed[one] - by_seed[other]).dropna().to_numpy()
    if not len(difference):
        return float("nan"), float("nan"), float("nan")
    mean, half = mean_interval(difference)
    if len(difference) < 2 or np.ptp(difference) < 1e-9:  # but for rounding, all the same
        return mean, half, 1.0 if abs(mean) < 1e-9 else float("nan")
    return mean, half, float(stats.ttest_1samp(difference, 0.0).pvalue)


def spearman(sweep: pd.DataFrame, term: str, draws: int = 1000) -> tuple[float, float, float]:
    """Return the rank correlation of a term at the start with the final accuracy, and its interval.

    The interval is the percentile bootstrap's over seeds, whose starts are not independent.
    """
    seeds = [group[[term, "accuracy"]].to_numpy() for _, group in sweep.groupby("seed")]
    rng = np.random.default_rng(0)

    def rho(groups: list[np.ndarray]) -> float:
        ranks = stats.rankdata(np.concatenate(groups), axis=0)
        with np.errstate(invalid="ignore"):  # of a constant there is none
            return float(np.corrcoef(ranks.T)[0, 1])

    picks = rng.integers(0, len(seeds), (draws, len(seeds)))
    low, high = np.nanquantile([rho([seeds[i] for i in pick]) for pick in picks], [0.025, 0.975])
    return rho(seeds), float(low), float(high)


def holm(p: Sequence[float]) -> np.ndarray:
    """Return p-values adjusted for their number (Holm 1979); those that are NaN do not count."""
    values = np.asarray(p, dtype=float)
    adjusted = np.full(values.shape, np.nan)
    order = [i for i in np.argsort(values) if not np.isnan(values[i])]
    highest = 0.0
    for rank, i in enumerate(order):
        highest = max(highest, min(1.0, (len(order) - rank) * values[i]))
        adjusted[i] = highest
    return adjusted


def cell(mean: float, half: float, p: float) -> str:
    """Return a paired difference as the cell of a table."""
    return "-" if np.isnan(mean) else f"{percent(mean, half, '+')} (p = {p:.2g})"


def difference(runs: pd.DataFrame, experiment: str, one: str, other: str) -> str:
    """Return a paired difference as the cell of a table."""
    return cell(*paired(runs, experiment, one, other))


def section(title: str, text: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a section: a heading, what its table shows, and the table."""
    return [f"## {title}", "", text, "", *table(head, rows), ""]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a table."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def percent(mean: float, half: float, sign: str = "") -> str:
    """Return an accuracy, or a difference of two, in percent."""
    return f"{100 * mean:{sign}.2f} ± {100 * half:.2f}"


def accuracies(runs: pd.DataFrame) -> list[str]:
    titles = {name: name for name in runs["experiment"].unique()}
    return section(
        "Accuracy",
        "On test samples, in percent: mean and 95% interval over seeds, the best mean in bold. "
        "Seeds differ in the split, too, so that the paired differences below are surer "
        "than these intervals. A dash is a method that has not been run; of two numbers of seeds, "
        "the first is that of the method that was run least.",
        ["experiment", "seeds", *METHODS],
        rows_of_accuracy(runs, titles),
    )


def rows_of_accuracy(runs: pd.DataFrame, titles: Mapping[str, str]) -> list[list[str]]:
    """Return a row of means for every experiment that has been run, by its title."""
    rows = []
    for name, title in titles.items():
        group = runs[runs["experiment"] == name]
        found = {m: group.loc[group["method"] == m, "accuracy"].to_numpy() for m in METHODS}
        found = {m: values for m, values in found.items() if len(values)}
        if not found:
            continue
        best = max(found, key=lambda m: found[m].mean())
        cells = [percent(*mean_interval(found[m])) if m in found else "-" for m in METHODS]
        cells = [f"**{c}**" if m == best else c for m, c in zip(METHODS, cells, strict=True)]
        counts = {len(values) for values in found.values()}
        rows.append([title, " to ".join(map(str, sorted({min(counts), max(counts)}))), *cells])
    return rows


def differences(runs: pd.DataFrame, ours: str) -> list[str]:
    rows = []
    others = [m for m in METHODS if m != ours]
    for name in runs["experiment"].unique():
        found = [paired(runs, name, ours, other) for other in others]
        adjusted = holm([p for _, _, p in found])
        cells = [cell(m, half, p) for (m, half, _), p in zip(found, adjusted, strict=True)]
        rows.append([name, *cells])
    return section(
        f"{ours} against the others",
        "Difference of accuracies in percentage points, paired by seed: mean, 95% interval, and "
        "the p-value of the paired t-test, adjusted for the number of methods (Holm).",
        ["experiment", *(f"against {m}" for m in others)],
        rows,
    )


def parts(runs: pd.DataFrame) -> list[str]:
    """Compare methods with variants of them, where there are any."""
    variants = [name for name in VARIANTS if name in set(runs["method"])]
    if not variants:
        return []
    rows = []
    for name, group in runs.groupby("experiment", sort=False):
        if set(variants) & set(group["method"]):
            rows.append([name, *(difference(runs, name, v, VARIANTS[v]) for v in variants)])
    return section(
        "What its parts do",
        "Accuracy of variants less that of what they are variants of, paired likewise, p-values "
        "not adjusted: methods of two stages whose fusion starts with the second one; and, of the "
        f"{PAPERS}, one that waits for a higher peak until half the budget is over, one that holds "
        "nobody back, one with a margin of 2, one that goes by the most probable classes, and one "
        "that goes by the union information.",
        ["experiment", *variants],
        rows,
    )


def course(runs: pd.DataFrame) -> list[str]:
    rows = []
    for name, group in runs.groupby("experiment", sort=False):
        for method in CONTROLLERS:
            g = group[group["method"] == method]
            if not len(g):
                continue
            spread = [
                f"{g[column].median():.0f} ({g[column].min():.0f} to {g[column].max():.0f})"
                for column in ("switch", "restore_0", "restore_1", "held_0", "held_1")
            ]
            rows.append([name, method, *spread])
    return section(
        "What the controllers did",
        "Unimodal epochs until joint training started, those up to the states of the first and the "
        "second modality that it started from, and epochs for which each was held back: median "
        "(and range).",
        ["experiment", "method", "switch", "state: first", "second", "held: first", "second"],
        rows,
    )


def costs(runs: pd.DataFrame) -> list[str]:
    rows = []
    for name, group in runs.groupby("experiment", sort=False):
        seconds = group.groupby("method")["seconds"].median()
        if (group.groupby("seed")["steps"].nunique() > 1).any():
            raise ValueError(f"{name}: the methods did not take the same number of steps")
        g = group[group["method"].isin(CONTROLLERS)]
        share = g["seconds_controller"] / (g["seconds_unimodal"] + g["seconds_validation"])
        rows.append(
            [
                name,
                f"{int(group['steps'].iloc[0]):,}",
                *(f"{seconds[m]:.1f}" if m in seconds else "-" for m in METHODS),
                f"{share.median():.1%}" if len(g) else "-",
            ]
        )
    return section(
        "Cost",
        "Steps of encoders (the same for every method and seed of an experiment, up to the size of "
        "the training part), median seconds of processor time of a run, and the controllers' "
        "overhead: tables, decompositions, decisions and copies of the state, "
        "in percent of training and validation in the unimodal phase.",
        ["experiment", "steps", *METHODS, "overhead"],
        rows,
    )


def starts(sweep: pd.DataFrame) -> list[str]:
    epochs = sorted(sweep["start"].unique())
    rows = []
    for name, group in sweep.groupby("experiment", sort=False):
        means = group.groupby("start")["accuracy"].mean()
        best = means.idxmax()
        cells = [f"{100 * means[e]:.2f}" for e in epochs]
        cells = [f"**{c}**" if e == best else c for e, c in zip(epochs, cells, strict=True)]
        at_peak, at_best = [], []
        for _, of_seed in group.groupby("seed"):
            peak = of_seed["synergy_peak"].iloc[0]
            near = of_seed.iloc[(of_seed["start"] - peak).abs().argmin()]
            at_peak.append(near["accuracy"])
            at_best.append(of_seed.loc[of_seed["start"] == best, "accuracy"].iloc[0])
        peaks = group.groupby("seed")["synergy_peak"].first()
        spread = f"{peaks.median():.0f} ({peaks.min():.0f} to {peaks.max():.0f})"
        lost = percent(*mean_interval(np.subtract(at_peak, at_best)), "+")
        rows.append([name, *cells, spread, lost])
    return section(
        "When to start joint training",
        "Modalities train evenly for some epochs, then jointly for the rest of the budget: mean "
        "accuracy by the epoch of the start, the best in bold; the epoch at which the synergy was "
        "highest, median (and range) over seeds; and the accuracy of a start there (at the nearest "
        "epoch tried) less that of the best column, paired. The best column is known in hindsight "
        "only.",
        ["experiment", *(str(e) for e in epochs), "peak of synergy", "peak less best"],
        rows,
    )


def correlations(sweep: pd.DataFrame) -> list[str]:
    rows = []
    for name, group in sweep.groupby("experiment", sort=False):
        cells = []
        for term in TERMS:
            rho, low, high = spearman(group, term)
            cells.append(f"{rho:+.2f} [{low:+.2f}, {high:+.2f}]")
        rows.append([name, *cells])
    return section(
        "What tells the final accuracy",
        "Spearman's correlation, over seeds and starts, of each term in the state that joint "
        "training starts from with the accuracy in the end; in brackets the 95% bootstrap interval "
        "over seeds. unique_0 and mi_0 are the first modality's.",
        ["experiment", *TERMS],
        rows,
    )


def strengths(found: pd.DataFrame) -> list[str]:
    """Say what the share of the first modality in the first joint epochs goes with."""
    rows = []
    for name, group in with_shares(found).groupby("experiment", sort=False):
        for what in ("gradient", "logits"):
            named = group.rename(columns={"accuracy": "", f"{what}_0": "accuracy"})
            cells = []
            for term in EXPLAINED:
                rho, low, high = spearman(named, term)
                cells.append(f"{rho:+.2f} [{low:+.2f}, {high:+.2f}]")
            range_ = f"{group[f'{what}_0'].min():.2f} to {group[f'{what}_0'].max():.2f}"
            rows.append([name, what, range_, *cells])
    return section(
        "Who gets how much of the first joint epochs",
        "Modalities train evenly, then jointly for two epochs from several starts: the first "
        "modality's share of the norm of all encoders' gradients, or of the variance of the logits "
        "that each modality's features give alone, over seeds and starts; and its Spearman "
        "correlation with the first modality's share of the mutual information (mi_share) and of "
        "the unique information (unique_share) at the start, the redundancy and the synergy. In "
        "brackets the 95% bootstrap interval over seeds. Starts of untrained modalities are left "
        "out, which have no shares.",
        ["experiment", "share of", "range", *EXPLAINED],
        rows,
    )


def with_shares(found: pd.DataFrame) -> pd.DataFrame:
    """Return rows with the first modality's shares of mutual and of unique information."""
    kept = found[found["start"] > 0].copy()
    for what in ("mi", "unique"):
        columns = [
            c for c in kept.columns if c.startswith(f"{what}_") and c[len(what) + 1 :].isdigit()
        ]
        total = kept[columns].clip(lower=0.0).sum(axis=1)
        kept[f"{what}_share"] = kept[f"{what}_0"].clip(lower=0.0) / total.where(total > 0.0)
    return kept.dropna(subset=["mi_share", "unique_share"])


def tuning(rows: Sequence[dict[str, object]]) -> list[str]:
    """Say which learning rate and schedule of every method did best on validation samples."""
    frame = pd.DataFrame(rows)
    by = frame.groupby(["experiment", "method", "rate", "schedule"], sort=False)
    means = by["accuracy"].mean().round(9).reset_index()
    best = means.loc[means.groupby(["experiment", "method"], sort=False)["accuracy"].idxmax()]
    lines = [
        [
            *(row["experiment"], row["method"], f"{row['rate']:g}", row["schedule"]),
            f"{100 * row['accuracy']:.2f}",
        ]
        for _, row in best.iterrows()
    ]
    return section(
        "Tuning",
        f"Of {len(frame)} runs, with seeds below 100, the setting of each method with the highest "
        "mean accuracy on validation samples, which the runs above are made with. Elsewhere, "
        "the schedule that did best in the first two, at the rate that did best on average.",
        ["experiment", "method", "learning rate", "schedule", "accuracy"],
        lines,
    )


def read_frame(path: Path) -> pd.DataFrame:
    """Read a CSV file of the study, or nothing if there is none."""
    return pd.read_csv(path) if path.exists() else pd.DataFrame()


def write(folder: Path, images: Path) -> None:
    """Write report.md and the plots of what is in a folder's CSV files."""
    frame, swept, found = (
        read_frame(folder / f"{name}.csv") for name in ("runs", "sweep", "strength")
    )
    lines = [
        "# Does two-stage training under a controller pay?",
        "",
        "Written by `python bench/studies/controller/study.py` with Python "
        f"{platform.python_version()}, "
        f"numpy {np.__version__}; {len(frame)} runs, {len(swept)} starts, and {len(found)} "
        "measurements of who gets the gradient (the last two at a learning rate of 0.005).",
        "",
        *accuracies(frame),
        *differences(frame, OURS),
        *differences(frame, PAPERS),
        *parts(frame),
        *course(frame),
        *costs(frame),
    ]
    if len(swept):
        lines += [*starts(swept), *correlations(swept)]
    if len(found):
        lines += strengths(found)
    tuned = read_frame(folder / "tuning.csv")
    if len(tuned):
        lines += tuning(tuned.to_dict("records"))
    (folder / "report.md").write_text("\n".join(lines).rstrip() + "\n")
    draw(frame, swept, images)
    if len(found):
        draw_strength(found, images)


def draw_strength(found: pd.DataFrame, folder: Path) -> None:
    """Draw the first modality's share of the gradient against its shares of information."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    plt.rcParams["svg.hashsalt"] = "fastpid"
    kept = with_shares(found)
    names = [*kept["experiment"].unique()]
    figure, axes = plt.subplots(
        1,
        len(names),
        figsize=(2.1 * len(names), 2.5),
        sharey=True,
        layout="constrained",
        squeeze=False,
    )
    for ax, name in zip(axes[0], names, strict=True):
        group = kept[kept["experiment"] == name]
        ax.scatter(group["mi_share"], group["gradient_0"], s=8, color="#56b4e9", label="mutual")
        ax.scatter(group["unique_share"], group["gradient_0"], s=8, color="#d55e00", label="unique")
        ax.set_title(name, fontsize=7)
        ax.set_xlim(-0.03, 1.03)
        ax.spines[["top", "right"]].set_visible(False)
    axes[0, 0].set_ylabel("share of the gradient")
    axes[0, -1].legend(frameon=False, fontsize=7)
    figure.supxlabel("the first modality's share of mutual or of unique information", fontsize=9)
    figure.savefig(folder / "controller-strength.svg", metadata={"Date": None})
    plt.close(figure)


def draw(runs: pd.DataFrame, sweep: pd.DataFrame, folder: Path) -> None:
    """Draw differences, accuracy against dominance, and accuracy against the start."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    plt.rcParams["svg.hashsalt"] = "fastpid"

    def save(figure, name: str) -> None:
        for ax in figure.axes:
            ax.spines[["top", "right"]].set_visible(False)
        figure.savefig(folder / f"controller-{name}.svg", metadata={"Date": None})
        plt.close(figure)

    names = [*runs["experiment"].unique()]
    others = [m for m in METHODS if m != OURS and m in set(runs["method"])]
    figure, axes = plt.subplots(
        1,
        len(others),
        figsize=(2.2 + 1.8 * len(others), 0.4 * len(names) + 1.2),
        sharey=True,
        layout="constrained",
        squeeze=False,
    )
    for ax, other in zip(axes[0], others, strict=True):
        for place, name in enumerate(names):
            mean, half, _ = paired(runs, name, OURS, other)
            if np.isnan(half):
                continue
            ax.errorbar(100 * mean, place, xerr=100 * half, fmt="o", ms=4, capsize=2, color="black")
        ax.axvline(0.0, color="0.6", lw=0.8, zorder=0)
        ax.set_xscale("symlog", linthresh=2.0)
        ax.set_title(f"less {other}", fontsize=8)
    axes[0, 0].set_yticks(range(len(names)), names)
    axes[0, 0].invert_yaxis()
    figure.supxlabel(f"accuracy of the {OURS}, less another's / percentage points", fontsize=10)
    save(figure, "differences")

    dominance = runs["experiment"].str.extract(r"dominance (\d+)")[0]
    dialled = runs[dominance.notna()].assign(dominance=dominance.dropna().astype(int))
    if dialled["dominance"].nunique() > 1:
        figure, ax = plt.subplots(figsize=(6, 3), layout="constrained")
        for method in COLORS:
            of = dialled[dialled["method"] == method].groupby("dominance")["accuracy"]
            if not len(of) or of.size().min() < 5:  # their intervals would hide the others
                continue
            points = {d: mean_interval(values) for d, values in of}
            mean, half = 100 * np.array([*points.values()]).T
            line = {"color": COLORS[method], "marker": MARKERS[method], "ms": 4, "capsize": 2}
            ax.errorbar([*points], mean, yerr=half, label=method, **line)
        ax.set_xlabel("dominance of x")
        ax.set_ylabel("accuracy / %")
        ax.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=8)
        save(figure, "dominance")

    if len(sweep):
        swept = [*sweep["experiment"].unique()]
        figure, axes = plt.subplots(
            1, len(swept), figsize=(2.4 * len(swept), 2.6), layout="constrained", squeeze=False
        )
        for ax, name in zip(axes[0], swept, strict=True):
            group = sweep[sweep["experiment"] == name]
            points = {e: mean_interval(g["accuracy"]) for e, g in group.groupby("start")}
            mean, half = 100 * np.array([*points.values()]).T
            ax.errorbar([*points], mean, yerr=half, color="black", marker="o", ms=4, capsize=2)
            peaks = group.groupby("seed")["synergy_peak"].first()
            ax.axvspan(*peaks.quantile([0.25, 0.75]), color="#d55e00", alpha=0.25, lw=0)
            ax.axvline(peaks.median(), color="#d55e00", lw=1)
            ax.set_title(name, fontsize=9)
            ax.set_xlabel("start of joint training / epoch", fontsize=8)
        axes[0, 0].set_ylabel("accuracy / %")
        save(figure, "starts")
