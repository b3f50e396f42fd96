"""Options of the benchmark run, its records, and the report at its end."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

# One thread, in every library that would take more; set before numpy is imported.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "FASTPID_NUM_THREADS"):
    os.environ[_name] = "1"

import pytest
from report import Record, markdown

HERE = Path(__file__).resolve().parent


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("fastpid")
    group.addoption("--smoke", action="store_true", help="a short run over a few small problems")
    group.addoption("--report", metavar="PATH", help="where the report goes (bench/report.md)")


RECORDS: list[Record] = []


@pytest.fixture
def records() -> list[Record]:
    return RECORDS


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    if not RECORDS:
        return
    text = markdown(RECORDS)
    terminalreporter.section("fastpid against the CVXPY models, one thread")
    terminalreporter.write_line(text)
    path = config.getoption("--report") or (
        None if config.getoption("--smoke") else HERE / "report.md"
    )
    if path:
        Path(path).write_text(text, encoding="utf-8")
        terminalreporter.write_line(f"written to {path}")
