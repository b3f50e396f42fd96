"""The records of a benchmark run, and the report at its end."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from results import Results

HERE = Path(__file__).resolve().parent
#: A load average from which on others are taking the cores away.
BUSY = 0.5
RESULTS = Results()


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("benchmark_columns", None):
        config.option.benchmark_columns = ["median", "iqr", "rounds", "iterations"]
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    if load > BUSY:
        RESULTS.notes.append(
            f"The machine was busy when the run began (load average {load:.1f}): times are too "
            "long, those on two threads most of all."
        )


@pytest.fixture
def results() -> Results:
    return RESULTS


@pytest.fixture
def select(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Return a function that skips a case unless the run is long enough for it."""

    def choose(*, smoke: bool, default: bool = True) -> None:
        if request.config.getoption("--smoke") and not smoke:
            pytest.skip("not in the smoke run")
        if not (smoke or default or request.config.getoption("--full")):
            pytest.skip("only in the --full run")

    return choose


@pytest.hookimpl(trylast=True)  # below pytest-benchmark's own tables
def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    if not any(RESULTS.suites()):
        return
    from report import in_terminal, machine, markdown

    RESULTS.machine = machine()
    terminalreporter.section("fastpid: what was measured")
    terminalreporter.write_line(in_terminal(RESULTS))
    # Part of the suites, or of their cases, is no report: it would overwrite that of all.
    full = all(RESULTS.suites()) and config.getoption("--full") and not config.getoption("keyword")
    path = config.getoption("--report") or (HERE / "report.md" if full else None)
    if path:
        Path(path).write_text(markdown(RESULTS), encoding="utf-8")
        RESULTS.save(Path(path).with_suffix(".json"))
        terminalreporter.write_line(f"written to {path}")
    else:
        terminalreporter.write_line("--report PATH writes it as Markdown")
    if full:
        if importlib.util.find_spec("matplotlib") is None:
            terminalreporter.write_line("no plots: matplotlib is not installed")
            return
        import plots

        for file in plots.draw(RESULTS, plots.FOLDER):
            terminalreporter.write_line(f"written to {file}")
