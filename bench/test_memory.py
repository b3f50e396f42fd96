"""Peak memory of a call above its input, each in a fresh process."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bars import MEMORY
from comparators import TOL
from grid import Table
from measure import GUARD_SECONDS
from results import Peak, Results

from fastpid import gates

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="reads the peak from Linux's /proc"
)

PROGRAM = Path(__file__).resolve().parent / "_report" / "peak.py"

#: The table and the tolerance. Two threads, whose workspaces count.
TABLES: dict[str, tuple[Callable[[], Table], float]] = {
    "dense 50x50x10": (lambda: gates.random_dense((50, 50, 10), rng=0), TOL),
    "dense 100x100x10": (lambda: gates.random_dense((100, 100, 10), rng=0), 1e-8),
    "dense 2000x2000x2": (lambda: gates.random_dense((2000, 2000, 2), rng=0), TOL),
    "dense 1000x1000x10": (lambda: gates.random_dense((1000, 1000, 10), rng=0), 1e-2),
    "soft 309x309x309": (
        lambda: gates.random_soft((309, 309, 309), 3000, signal=(9, 8), rng=0),
        1e-3,
    ),
}
SMOKE = {"dense 50x50x10"}


@pytest.mark.parametrize("name", TABLES, ids=lambda value: value.replace(" ", "-"))
def test_memory(
    name: str,
    benchmark: Any,
    results: Results,
    select: Callable[..., None],
    tmp_path: Path,
) -> None:
    select(smoke=name in SMOKE, default=False)
    benchmark.group = "memory"
    build, tol = TABLES[name]
    p = build()
    path = tmp_path / "table.npy"
    np.save(path, p)

    def run() -> dict[str, Any]:
        command = [sys.executable, str(PROGRAM), str(path), str(tol), "2"]
        done = subprocess.run(command, check=True, capture_output=True, timeout=2 * GUARD_SECONDS)
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    try:
        found = benchmark.pedantic(run, rounds=1)
    finally:
        path.unlink()  # pytest keeps its temporary folders
    benchmark.extra_info.update(shape=p.shape, size=p.size, input_bytes=p.nbytes, **found)
    results.memory.append(Peak(name, p.nbytes, found["above"], found["seconds"]))
    assert found["converged"]
    assert found["gap"] <= tol
    # Unlike a time, this does not depend on the clock.
    if name in MEMORY:
        assert found["above"] <= MEMORY[name] * 1e6
