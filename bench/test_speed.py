"""Speed of every comparator on every problem, the answer asserted beside it."""

from __future__ import annotations

import functools
import statistics
import time
from typing import Any

import pytest
from comparators import BASELINES, OURS, TOL, Comparator
from grid import GRID, Problem, Table
from report import Record

import fastpid

PROBLEMS = {problem.name: problem for problem in GRID}
CASES = [
    (problem.name, name)
    for problem in GRID
    for name in (*OURS, *BASELINES)
    if name not in problem.too_slow
]


@functools.cache
def table(name: str) -> Table:
    return PROBLEMS[name].table()


@functools.cache
def truth(name: str) -> fastpid.Decomposition:
    return fastpid.decompose(table(name), tol=TOL, on_failure="raise")


def check(name: str, comparator: str, answer: fastpid.Decomposition) -> None:
    """Compare with the certified bracket, which the CVXPY models' own certificates must overlap."""
    known = truth(name)
    assert answer.lower <= known.upper + 1e-12
    assert answer.upper >= known.lower - 1e-12
    if comparator in BASELINES:
        wrong = abs(answer.union_information - known.union_information)
        assert wrong <= BASELINES[comparator].accuracy
    elif comparator != "proxy":
        assert answer.converged
        assert answer.gap <= TOL


def _measure(benchmark: Any, solver: Comparator, p: Table) -> list[fastpid.Decomposition]:
    """Run a solver under pytest-benchmark and return every answer that it timed."""
    answers: list[fastpid.Decomposition] = []

    def solve() -> None:
        answers.append(solver.solve(p))

    started = time.perf_counter()
    solver.solve(p)  # warms caches up, and says how often the budget allows more
    once = time.perf_counter() - started
    rounds = max(1, min(50, int(1.0 / once))) if once < 1.0 else (3 if once < 3.0 else 1)
    iterations = max(1, min(50, int(0.005 / once)))
    benchmark.pedantic(solve, rounds=rounds, iterations=iterations)
    return answers


@pytest.mark.parametrize(("name", "comparator"), CASES, ids=lambda value: value.replace(" ", "-"))
def test_speed(
    name: str,
    comparator: str,
    benchmark: Any,
    records: list[Record],
    request: pytest.FixtureRequest,
) -> None:
    problem: Problem = PROBLEMS[name]
    if request.config.getoption("--smoke") and not problem.smoke:
        pytest.skip("not in the smoke run")
    benchmark.group = name
    p = table(name)
    answers = _measure(benchmark, {**OURS, **BASELINES}[comparator], p)
    for answer in answers:
        check(name, comparator, answer)
    answer = answers[-1]
    error = answer.union_information - truth(name).union_information
    benchmark.extra_info.update(
        shape=p.shape,
        cells=int((p > 0).sum()),
        gap=float(answer.gap),
        iterations=int(answer.iterations),
        status=answer.status.name,
        error=float(error),
        **{key: str(value) for key, value in answer.details.items()},
    )
    if benchmark.stats is None:  # --benchmark-disable
        return
    solver_times = [a.details["solver_time"] for a in answers if a.details.get("solver_time")]
    records.append(
        Record(
            problem=name,
            comparator=comparator,
            seconds=float(benchmark.stats.stats.median),
            solver_seconds=statistics.median(solver_times) if solver_times else None,
            gap=float(answer.gap),
            iterations=int(answer.iterations),
            error=float(error),
        )
    )
