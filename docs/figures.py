"""Draw every figure of the documentation again, from what was measured.

    python docs/figures.py                       all of them
    python docs/figures.py bridges time-course   some

Results of long runs are kept beside their studies, and are drawn as they are; what takes less than
some minutes is run again. The figures of the speed-up report need bench/report.json, which
``pytest --benchmark-only --full`` writes.
"""

from __future__ import annotations

import argparse
import csv
import importlib
import re
import sys
from collections.abc import Callable
from pathlib import Path

import matplotlib

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "img"
STUDIES = ROOT / "bench" / "studies"


def speed() -> None:
    """throughput.svg, scaling.svg, gap-against-time.svg."""
    if not (ROOT / "bench" / "report.json").is_file():
        raise FileNotFoundError("bench/report.json: run pytest --benchmark-only --full first")
    sys.path.insert(0, str(ROOT / "bench" / "_report"))
    importlib.import_module("plots").main()


def estimation() -> None:
    """estimation-bias.svg, estimation-coverage.svg."""
    study = importlib.import_module("estimation.study")
    with open(STUDIES / "estimation" / "results.csv", newline="") as file:
        rows = [{**row, "n_samples": int(row["n_samples"])} for row in csv.DictReader(file)]
    study.draw(study.Summary(rows), IMAGES)


def controller() -> None:
    """controller-*.svg."""
    import pandas as pd

    report = importlib.import_module("controller.report")
    study = importlib.import_module("controller.study")
    tables = (pd.read_csv(STUDIES / "controller" / name) for name in ("runs.csv", "sweep.csv"))
    report.draw(*tables, IMAGES)
    study.draw_run(study.DATA[study.EXAMPLE], study.Budget(), IMAGES / "controller-run.svg")


def bridges() -> None:
    """bridges.svg."""
    study = importlib.import_module("bridges.study")
    study.draw(study.load())


def time_course() -> None:
    """time-course.svg: what the first lines of the page draw."""
    page = (ROOT / "docs" / "time-courses.md").read_text(encoding="utf-8")
    first = re.search(r"```python\n(.*?)```", page, re.DOTALL)
    assert first is not None
    names: dict[str, object] = {}
    exec(compile(first[1], "time-courses.md", "exec"), names)
    figure = names["ax"].figure  # type: ignore[attr-defined]
    figure.set_size_inches(7.2, 3.4)
    path = IMAGES / "time-course.svg"
    figure.savefig(path, bbox_inches="tight", metadata={"Date": None})


def train_for_synergy() -> None:
    """train-for-synergy.svg."""
    sys.path.insert(0, str(ROOT / "docs" / "examples"))
    importlib.import_module("train_for_synergy").main(str(IMAGES / "train-for-synergy.svg"))


FIGURES: dict[str, Callable[[], None]] = {
    "speed": speed,
    "estimation": estimation,
    "controller": controller,
    "bridges": bridges,
    "time-course": time_course,
    "train-for-synergy": train_for_synergy,
}


def main() -> int:
    """Draw the figures that are named, and say which could not be."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("figures", nargs="*", metavar="NAME", help=f"of: {', '.join(FIGURES)}")
    wanted = parser.parse_args().figures or list(FIGURES)
    unknown = sorted(set(wanted) - set(FIGURES))
    if unknown:
        parser.error(f"there is no figure {unknown[0]!r}; there are {', '.join(FIGURES)}")
    sys.path.insert(0, str(STUDIES))
    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "fastpid"  # so that only data change a file
    missing = 0
    for name in wanted:
        try:
            FIGURES[name]()
        except (FileNotFoundError, ImportError) as error:
            missing += 1
            print(f"{name}: not drawn: {error}", file=sys.stderr)
        else:
            print(f"{name}: drawn")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
