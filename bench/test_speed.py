"""Speed of every comparator on every problem, the answer asserted beside it."""

from __future__ import annotations

import functools
import statistics
from collections.abc import Callable
from typing import Any

import pytest
from comparators import BASELINES, OURS, TOL
from grid import ACCURATE, GRID, Problem, Table
from measure import measure, median_seconds, note
from results import Record, Results

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


@pytest.mark.parametrize(("name", "comparator"), CASES, ids=lambda value: value.replace(" ", "-"))
def test_speed(
    name: str,
    comparator: str,
    benchmark: Any,
    results: Results,
    select: Callable[..., None],
) -> None:
    problem: Problem = PROBLEMS[name]
    select(smoke=problem.smoke, default=comparator != ACCURATE)
    benchmark.group = name
    p = table(name)
    solver = {**OURS, **BASELINES}[comparator]
    answers = measure(benchmark, lambda: solver.solve(p))
    for answer in answers:
        check(name, comparator, answer)
    answer = answers[-1]
    error = answer.union_information - truth(name).union_information
    note(
        benchmark,
        p.shape,
        answer,
        cells=int((p > 0).sum()),
        status=answer.status.value,
        error=float(error),
        **{key: str(value) for key, value in answer.details.items()},
    )
    seconds = median_seconds(benchmark)
    if seconds is None:
        return
    solver_times = [a.details["solver_time"] for a in answers if a.details.get("solver_time")]
    results.speed.append(
        Record(
            problem=name,
            comparator=comparator,
            seconds=seconds,
            solver_seconds=statistics.median(solver_times) if solver_times else None,
            gap=float(answer.gap),
            iterations=int(answer.iterations),
            error=float(error),
        )
    )
