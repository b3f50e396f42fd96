"""How well regulatory networks are recovered: PIDC by BROJA, by I_min, and plain information.

    python bench/studies/network/study.py           a few minutes on two cores
    python bench/studies/network/study.py --smoke   seconds, prints only

Networks of 50 genes whose truth is known: directed graphs, "random" (regulators drawn evenly) or
"hubs" (a regulator that has targets is likelier to get more), of one to three regulators a gene. A
gene is produced at a rate that is a product of Hill functions of its regulators, activating or
repressing, and degraded at a rate of one; chemical Langevin noise and slow fluctuations of every
gene's rate move the cells apart. Every cell is one run to its steady state. What is seen is the
expression itself, or molecules captured from it at random (Poisson counts).

Edges are undirected, and ranked by each score; average precision (the area under the precision-
recall curve) is against the true edges. Scores of all measures come from the same bins. Writes
results.md beside this file.
"""

from __future__ import annotations

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed
from sklearn.metrics import average_precision_score

from fastpid.screening import network
from fastpid.screening._context import confidence_of

HERE = Path(__file__).resolve().parent
GRAPHS = ("random", "hubs")
#: What is seen, how many cells, how they are cut.
WORLDS = [
    ("expression", 2000, 5, "quantile"),
    ("expression", 2000, 5, "uniform"),
    ("expression", 1000, 4, "quantile"),
    ("counts", 2000, 4, "quantile"),
    ("counts", 2000, 5, "uniform"),
    ("counts", 1000, 4, "quantile"),
]
CONTEXTS = ("none", "empirical", "gamma")
MEASURES = ("broja", "i_min", "mutual information")
N_GENES = 50


def draw_graph(kind: str, n: int, rng: np.random.Generator) -> np.ndarray:
    """Return signs (n, n): [i, j] is 1 if j activates i, -1 if it represses it, 0 otherwise."""
    signs = np.zeros((n, n))
    weight = np.ones(n)
    for i in rng.permutation(n):
        odds = np.where(np.arange(n) == i, 0.0, weight)
        regulators = rng.choice(n, rng.integers(1, 4), replace=False, p=odds / odds.sum())
        signs[i, regulators] = np.where(rng.random(len(regulators)) < 0.6, 1.0, -1.0)
        if kind == "hubs":
            weight[regulators] += 2.0
    return signs


def simulate(signs: np.ndarray, n_cells: int, rng: np.random.Generator) -> np.ndarray:
    """Return the expression (n_cells, n_genes) of cells at their steady states."""
    n, step, volume = len(signs), 0.05, 60.0
    hill = rng.uniform(2.0, 4.0, n)
    threshold = rng.uniform(0.4, 0.8, n)
    basal = rng.uniform(0.05, 0.15, n)
    x = rng.uniform(0.2, 1.0, (n_cells, n))
    slow = rng.normal(size=(n_cells, n))
    kept = np.exp(-step / 5.0)  # fluctuations of rates outlive the molecules
    activators, repressors = signs > 0, signs < 0
    for _ in range(400):
        powers = (x / threshold) ** hill
        on = np.log(powers + 1e-12) - np.log1p(powers)
        off = -np.log1p(powers)
        rate = basal + 1.5 * np.exp(on @ activators.T + off @ repressors.T)
        slow = kept * slow + np.sqrt(1.0 - kept**2) * rng.normal(size=x.shape)
        rate = rate * np.exp(0.35 * slow)
        noise = rng.normal(size=x.shape) * np.sqrt(step * (rate + x) / volume)
        x = np.maximum(x + step * (rate - x) + noise, 1e-6)
    return x


def one(graph: str, seed: int, world: tuple, n_genes: int) -> dict[tuple[str, str], float]:
    """Return the average precision of one network, by measure and context, and seconds."""
    seen, n_cells, bins, strategy = world
    rng = np.random.default_rng([GRAPHS.index(graph), seed])
    signs = draw_graph(graph, n_genes, rng)
    x = simulate(signs, n_cells, rng)
    if seen == "counts":
        x = rng.poisson(12.0 * x)
    truth = ((signs != 0) | (signs != 0).T)[np.triu_indices(n_genes, 1)]
    out: dict[tuple[str, str], float] = {("chance", "none"): float(truth.mean())}
    for measure in ("broja", "i_min"):
        start = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # ties of counts leave fewer bins
            found = network(x, measure=measure, bins=bins, strategy=strategy, threads=1)
        out["seconds", measure] = time.perf_counter() - start
        if measure == "broja":
            judge(out, "mutual information", found.mutual_information, truth)
        judge(out, measure, found.scores, truth)
    return out


def judge(out: dict, measure: str, scores: np.ndarray, truth: np.ndarray) -> None:
    """Note the average precision of scores as they are, and in the context of both genes."""
    pairs = np.triu_indices(len(scores), 1)
    for context in CONTEXTS:
        ranked = scores if context == "none" else confidence_of(scores, context)
        out[measure, context] = float(average_precision_score(truth, ranked[pairs]))


def mean_and_error(values: np.ndarray) -> str:
    """Return the mean over networks, and its standard error."""
    error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
    return f"{values.mean():.3f} ({error:.3f})"


def table(networks: int, worlds: list, n_genes: int) -> tuple[list[str], dict]:
    """Return the rows of the table, and paired differences of BROJA and I_min, by context."""
    rows = [
        "| seen | graph | cells | bins | context | BROJA | I_min | mutual information | BROJA less "
        "I_min | networks won | chance |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    apart: dict[str, list[np.ndarray]] = {context: [] for context in CONTEXTS}
    for world in worlds:
        for graph in GRAPHS:
            runs = Parallel(n_jobs=2)(
                delayed(one)(graph, seed, world, n_genes) for seed in range(networks)
            )
            chance = np.mean([run["chance", "none"] for run in runs])
            for context in CONTEXTS:
                of = {m: np.array([run[m, context] for run in runs]) for m in MEASURES}
                less = of["broja"] - of["i_min"]
                apart[context].append(less)
                cells = " | ".join(mean_and_error(of[measure]) for measure in MEASURES)
                seen, n_cells, bins, strategy = world
                rows.append(
                    f"| {seen} | {graph} | {n_cells:,} | {bins} {strategy} | {context} | {cells} | "
                    f"{less.mean():+.3f} ({less.std(ddof=1) / np.sqrt(len(less)):.3f}) | "
                    f"{np.mean(less > 0):.0%} | {chance:.3f} |"
                )
                print(rows[-1], flush=True)
            seconds = [np.mean([run["seconds", m] for run in runs]) for m in MEASURES[:2]]
            print(f"seconds a network: {seconds[0]:.2f} by BROJA, {seconds[1]:.2f} by I_min")
    return rows, apart


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", type=int, default=20, help="of every kind of graph")
    parser.add_argument("--smoke", action="store_true", help="two small networks, prints only")
    args = parser.parse_args()
    start = time.perf_counter()
    if args.smoke:
        rows, apart = table(2, [("expression", 300, 3, "quantile")], 12)
        assert len(rows) == 8
        return
    rows, apart = table(args.networks, WORLDS, N_GENES)
    summary = [
        f"* context {context}: {mean_and_error(np.concatenate(less))}"
        for context, less in apart.items()
    ]
    text = HERE / "results.md"
    found = text.read_text(encoding="utf-8") if text.is_file() else ""
    # What a person wrote about the figures stands above this line, and is kept.
    mark = "<!-- figures -->"
    head = found.split(mark)[0] if mark in found else "# Recovery of regulatory networks\n\n"
    command = "python bench/studies/network/study.py"
    lines = [
        f"{head}{mark}",
        f"Written by `{command} --networks {args.networks}` ({time.perf_counter() - start:.0f} s): "
        f"{args.networks} networks of {N_GENES} genes a row; average",
        "precision, in brackets the standard error over networks.",
        "",
        "BROJA less I_min over all rows, paired by network:",
        "",
        *summary,
        "",
        *rows,
    ]
    text.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
