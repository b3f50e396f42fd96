"""Options of the benchmark run, its records, and the report at its end."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import Any

# One thread, in every library that would take more; set before numpy is imported.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "FASTPID_NUM_THREADS"):
    os.environ[_name] = "1"

import pytest
from report import machine, markdown
from results import Results

HERE = Path(__file__).resolve().parent
#: A load average from which on others are taking the cores away.
BUSY = 0.5


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("fastpid")
    group.addoption("--smoke", action="store_true", help="a short run over a few small problems")
    group.addoption("--report", metavar="PATH", help="where the report goes (bench/report.md)")


RESULTS = Results()


def pytest_configure() -> None:
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    if load > BUSY:
        RESULTS.notes.append(
            f"The machine was busy when the run began (load average {load:.1f}): times are too "
            "long, those on two threads most of all."
        )


@pytest.fixture
def results() -> Results:
    return RESULTS


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    if not any(RESULTS.suites()):
        return
    RESULTS.machine = machine()
    text = markdown(RESULTS)
    terminalreporter.section("fastpid: what was measured")
    terminalreporter.write_line(text)
    # Part of the suites, or of their cases, is no report: it would overwrite that of all.
    part = config.getoption("--smoke") or config.getoption("keyword")
    full = all(RESULTS.suites()) and not part
    path = config.getoption("--report") or (HERE / "report.md" if full else None)
    if path:
        Path(path).write_text(text, encoding="utf-8")
        RESULTS.save(Path(path).with_suffix(".json"))
        terminalreporter.write_line(f"written to {path}")
    if full:
        if importlib.util.find_spec("matplotlib") is None:
            terminalreporter.write_line("no plots: matplotlib is not installed")
            return
        import plots

        for file in plots.draw(RESULTS, plots.FOLDER):
            terminalreporter.write_line(f"written to {file}")
