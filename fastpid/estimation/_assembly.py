"""From a table and the samples behind it to an Estimate."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastpid._base.progress import progress_bar
from fastpid._base.warn import stacklevel_outside
from fastpid._solve.options import SolveOptions
from fastpid._solve.solve import solve_tables
from fastpid.estimation._bias import EXTRAPOLATED, OF_INDEPENDENT
from fastpid.estimation._intervals import (
    Errors,
    error_p_value,
    intervals,
    p_value,
)
from fastpid.estimation._problem import PAIRS, Problem
from fastpid.estimation._resampled import ResampledTables
from fastpid.estimation._resampling import Samples
from fastpid.estimation._result import Estimate
from fastpid.estimation._wanted import Wanted
from fastpid.joint import JointTable, UndersampledWarning
from fastpid.joint._prediction_table import PredictionTable
from fastpid.result import ConvergenceError, ConvergenceWarning


def resample_and_estimate(
    table: JointTable | PredictionTable,
    samples: Samples,
    options: SolveOptions,
    wanted: Wanted,
    rng: Any,
    progress: bool | None,
) -> Estimate:
    """Estimate from a table and the samples behind it."""
    return estimate_with_errors(table, samples, options, wanted, rng, progress)[0]


def estimate_with_errors(
    table: JointTable | PredictionTable,
    samples: Samples,
    options: SolveOptions,
    wanted: Wanted,
    rng: Any,
    progress: bool | None,
) -> tuple[Estimate, Errors | None]:
    """Estimate, and say what is known of the errors of the corrected values, if that is wanted."""
    warn_of_few(table)
    check_bias(wanted.bias, samples)
    solved = solve_tables(table.p, options._replace(on_failure="ignore"))
    found = estimate_values(
        *(table, samples, options, wanted, rng, progress),
        Solved(PAIRS, solved.terms.vector(), float(solved.terms.gap[0])),
    )
    result = Estimate(table=table, decomposition=solved.result(), **found.fields)
    if not found.solved_to_tol:
        report_unsolved(result, result.largest_gap, options)
    return result, found.errors


class Solved(NamedTuple):
    """What the samples' own table is solved for, and how well; vector (1, width), in nats."""

    problem: Problem
    vector: NDArray[np.float64]
    gap: float


class Found(NamedTuple):
    """What is estimated: fields of the result, all that Estimates have but the decomposition."""

    fields: dict[str, Any]
    errors: Errors | None
    solved_to_tol: bool


def warn_of_few(table: JointTable | PredictionTable) -> None:
    """Warn if there are too few samples for their symbols."""
    if not table.sampling.is_sufficient:
        warnings.warn(
            table.sampling.advice, UndersampledWarning, stacklevel=stacklevel_outside("fastpid")
        )


def estimate_values(
    table: JointTable | PredictionTable,
    samples: Samples,
    options: SolveOptions,
    wanted: Wanted,
    rng: Any,
    progress: bool | None,
    solved: Solved,
) -> Found:
    """Resample, correct and test what a table was solved for."""
    problem, plug_in, gap = solved
    nulls = wanted.nulls
    scale = options.scale

    def named(vectors: NDArray[np.float64]) -> dict[str, Any]:
        return problem.named(vectors, scale)

    tables = ResampledTables(samples, options, wanted, rng, problem=problem)
    with progress_bar(progress, tables.total, "solving resamples", "tables") as tables.advance:
        corrected = tables.corrected(plug_in)
        errors = tables.errors(plug_in, corrected).of_field(0) if wanted.needs_errors else None
        under_null = {what: named(tables.under_null(what, plug_in)[:, 0]) for what in wanted.kinds}

    observed = {name: float(value) for name, value in named(plug_in[0]).items()}
    values = {name: float(value) for name, value in named(corrected[0]).items()}
    largest_gap = max(tables.largest_gap, gap) * scale
    p_values = {
        atom: max(p_value(observed[atom], under_null[k][atom], largest_gap) for k in kinds)
        for atom, kinds in nulls.items()
    }
    raw_intervals, draws = {}, {}
    if errors is not None:
        for atom in wanted.judged:
            p_values[atom] = max(p_values[atom], error_p_value(atom, values[atom], errors))
        if wanted.ci != "none":
            raw_intervals = intervals(
                *(wanted.ci, wanted.confidence_level, values, errors, p_values),
                unique=wanted.hypotheses.unique,
            )
            draws = {name: observed[name] + drawn for name, drawn in errors.drawn.items()}
    p_z = table.p.sum(axis=tuple(range(table.p.ndim - 1)))
    most = float(entropy_bound(p_z, table.n_effective)) * scale

    def within(name: str, value: float) -> float:
        return min(value if name in problem.signed else max(value, 0.0), most)

    fields = dict(
        bias=wanted.bias,
        corrected=values,
        values={name: within(name, value) for name, value in values.items()},
        ci=wanted.ci,
        confidence_level=wanted.confidence_level,
        intervals={
            name: (within(name, low), within(name, high))
            for name, (low, high) in raw_intervals.items()
        },
        raw_intervals=raw_intervals,
        null=wanted.null,
        p_values=p_values,
        null_of=null_texts(nulls, samples.moves),
        null_means={
            atom: max(float(under_null[what][atom].mean()) for what in kinds)
            for atom, kinds in nulls.items()
        },
        draws=draws,
        seed=tables.seed,
        units=samples.units,
        n_units=samples.n_units,
        largest_gap=largest_gap,
        unit=options.result_unit,
    )
    return Found(fields, errors, tables.solved_to_tol and gap <= options.tol)


def check_bias(bias: str, samples: Samples) -> None:
    """Refuse a correction that the samples are too few for, or which knows independent ones only.

    Raises
    ------
    ValueError
        As said.
    """
    if bias in EXTRAPOLATED and samples.n_units < 8:
        units = samples.units
        raise ValueError(
            f'bias="{bias}" divides the {units} in quarters, and there are {samples.n_units}; use '
            'bias="none"' + ("" if units == "samples" else ', or "jackknife"')
        )
    if bias in OF_INDEPENDENT and samples.n_units != samples.n_samples:
        raise ValueError(
            f'bias="{bias}" counts independent samples, and here {samples.units} are independent; '
            'use "qe" or "jackknife"'
        )


def null_texts(nulls: Mapping[str, Sequence[str]], moves: str) -> dict[str, str]:
    """Say what was done to the samples for the p-value of each atom."""
    return {
        atom: " and ".join(kind.replace("shuffled", moves) for kind in kinds)
        for atom, kinds in nulls.items()
    }


def entropy_bound(p: NDArray[np.float64], n_effective: float) -> NDArray[np.float64]:
    """Return what no information about z exceeds, in nats: H(Z), corrected to first order.

    Of the distribution of z, (nz,), or of several, (..., nz).
    """
    occupied = p > 0.0
    plug_in = -(p * np.log(p, out=np.zeros_like(p), where=occupied)).sum(axis=-1)
    count = np.count_nonzero(occupied, axis=-1)
    return np.asarray(np.minimum(plug_in + (count - 1) / (2.0 * n_effective), np.log(count)))


def report_unsolved(result: Any, largest_gap: float, options: SolveOptions) -> None:
    """Say that some tables were not solved to tol, as `options` want it said."""
    if options.on_failure == "ignore":
        return
    text = (
        f"some tables were not solved to tol: the largest gap is {largest_gap:.2e} {options.unit}; "
        "the bounds hold, so take it as an error of every value, or accept a larger tol"
    )
    if options.on_failure == "raise":
        raise ConvergenceError(text, result)
    warnings.warn(text, ConvergenceWarning, stacklevel=stacklevel_outside("fastpid"))
