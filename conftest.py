"""Which files a run collects: plain ``pytest`` the tests, ``--benchmark-only`` the speed suites."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent
BENCH = ROOT / "bench"

if "--benchmark-only" in sys.argv:
    # One thread, in every library that would take more; set before numpy is imported.
    for _library in ("OMP", "OPENBLAS", "MKL", "FASTPID"):
        os.environ[f"{_library}_NUM_THREADS"] = "1"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add how long a benchmark run is, and where its report goes."""
    group = parser.getgroup("fastpid", "fastpid's benchmarks (with --benchmark-only)")
    group.addoption("--smoke", action="store_true", help="a few small problems, half a minute")
    group.addoption("--full", action="store_true", help="every problem, beyond five minutes")
    group.addoption("--report", metavar="PATH", help="where the report goes, as Markdown")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out the suites, or under --benchmark-only all but them."""
    if collection_path.suffix != ".py":
        return None
    is_suite = collection_path.parent == BENCH
    wanted = bool(config.getoption("benchmark_only", False)) == is_suite
    return None if wanted or collection_path.name == "conftest.py" else True
