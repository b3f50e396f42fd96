"""estimate_many(): from samples of many sources to values with bias, intervals and tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from fastpid._base.checks import check_choice
from fastpid._base.quantities import Method, OnFailure, Unit
from fastpid._base.random import RNG
from fastpid._solve.options import SolveOptions, check_options
from fastpid.estimation._arrangement import Permute
from fastpid.estimation._assembly import (
    Solved,
    check_bias,
    estimate_values,
    report_unsolved,
    warn_of_few,
)
from fastpid.estimation._bias import OF_INDEPENDENT
from fastpid.estimation._estimate import check_table, groups_of, resampler_of
from fastpid.estimation._many_estimate import ManyEstimate
from fastpid.estimation._many_problem import ManyProblem, hypotheses_of
from fastpid.estimation._wanted import DEFAULT_TOL, Interval, Null, Wanted, check_wanted
from fastpid.joint._missing import Missing
from fastpid.joint._samples import CodedSamples, check_sources, code_sources, name_target

ManyBias = Literal["none", "qe", "shuffle", "qe_shuffle", "jackknife"]
Subsets = Literal["all", "leave_one_out"]
_SUBSETS = ("all", "leave_one_out")
#: More sources than this have too many subsets, each of which every resample is solved for.
_MOST_FOR_ALL = 8


def estimate_many(
    sources: Any,
    z: Any,
    *,
    data: Any = None,
    bins: Any = None,
    strategy: str = "quantile",
    names: Sequence[str] | None = None,
    weights: Any = None,
    missing: Missing = "raise",
    groups: Any = None,
    permute: Permute | None = None,
    block_length: int | None = None,
    subsets: Subsets = "all",
    bias: ManyBias = "qe",
    ci: Interval = "normal",
    confidence_level: float = 0.95,
    n_bootstrap: int = 200,
    n_permutations: int = 1000,
    null: Null = "conditional",
    method: Method = "auto",
    tol: float | None = None,
    max_iter: int | None = None,
    unit: Unit = "bits",
    threads: int | None = None,
    rng: RNG = None,
    on_failure: OnFailure = "warn",
    progress: bool | None = None,
) -> ManyEstimate:
    """Estimate what M sources say about a target, with bias, uncertainty and significance.

    As :func:`fastpid.estimate` does of two, which it agrees with for two; the values are those of
    :func:`fastpid.decompose_many`.

    Parameters
    ----------
    sources : list, or frame or mapping of columns
        Two sources or more: :func:`fastpid.joint.from_sources` says what each may be. A source of
        several columns is one entry.
    z : array-like (n_samples,), or str
        The target, or with `data` the name of its column.
    data, bins, strategy, names, weights, missing
        As there.
    groups, permute, block_length
        Which samples depend on one another, as for :func:`fastpid.estimate`.
    subsets : {"all", "leave_one_out"}
        The sets whose union information is found, of every resample: all 2^M - 1 (up to 8 sources),
        or those of one source and of all but one, which leaves the unique informations and the
        synergy, and no other coverage atoms.
    bias : {"qe", "jackknife", "shuffle", "qe_shuffle", "none"}
        As for :func:`fastpid.estimate`. The corrections that count cells are for two sources.
    ci, confidence_level, n_bootstrap, n_permutations
        As there. Intervals reach up by what a kink may hide where two sources or more need have no
        unique information.
    null : {"conditional", "target"}
        What an atom is tested against. "conditional" tests what it adds:

        * the coverage atom of a set B (of one source, its unique information): for every i in B and
          every j that is not, x_i is shuffled among samples of equal x_j. A source that says
          nothing beyond x_j is x_j seen through a channel, adds nothing to any set with j, and
          leaves no atom of a set with i and without j. All of these have to be refuted: the p-value
          is the largest one (an intersection-union test [1]_);
        * `redundancy`: each x_i is shuffled, and all have to be refuted;
        * `synergy`: for every i, all other sources are shuffled together among samples of equal
          x_i. There is none if all others together say nothing beyond one source; all have to be
          refuted.

        x_i is *not* shuffled among samples in which all others are equal: a source that the others
        determine together, such as their parity, says nothing beyond all of them, and is unique all
        the same, as none of them says it alone. Coverage atoms can be zero although their
        hypotheses are false, so that they have to be beyond the errors of resamples as well, as
        :func:`fastpid.estimate` says of unique informations and redundancy.

        "target" shuffles z for all of them: no source says anything.
    method, tol, max_iter, unit, threads, rng, on_failure, progress
        As for :func:`fastpid.estimate`; `tol` for every set.

    Returns
    -------
    ManyEstimate

    Raises
    ------
    ValueError, TypeError, ImportError
        As :func:`fastpid.joint.from_sources` and :func:`fastpid.estimate` do; for more than 8
        sources under ``subsets="all"``; for a correction that is for two sources.
    ConvergenceError
        Under ``on_failure="raise"``, if some table was not solved to `tol`.

    Warns
    -----
    ConvergenceWarning
        If some table was not solved to `tol`; its bounds hold, and `largest_gap` says how far apart
        they are.
    UndersampledWarning
        If the samples are too few for their symbols: many sources want many samples, above all for
        the synergy. Union informations and coverage atoms, which depend on one source at a time,
        want fewer.

    References
    ----------
    .. [1] R. L. Berger, "Multiparameter hypothesis testing and acceptance sampling",
       Technometrics 24, 1982.

    Examples
    --------
    >>> import fastpid, numpy as np
    >>> rng = np.random.default_rng(0)
    >>> a, b, c = rng.integers(0, 2, (3, 1000))
    >>> e = fastpid.estimate_many([a, b, c], a ^ b ^ c, n_bootstrap=50, n_permutations=50, rng=0)
    >>> bool(e.p_values["synergy"] < 0.05 < e.p_values["unique_0"])
    True
    """
    options = check_options(
        method, DEFAULT_TOL if tol is None else tol, max_iter, unit, threads, True, on_failure
    )
    wanted = check_wanted_of_many(
        bias, ci, confidence_level, n_bootstrap, n_permutations, null, tol
    )
    given, own = check_sources(sources, data)
    check_subsets(subsets, len(given))
    samples = code_sources(
        given,
        z,
        data=data,
        bins=bins,
        strategy=strategy,
        names=name_target(own, z) if names is None else names,
        weights=weights,
        missing=missing,
    )
    groups = groups_of(data, groups)
    return estimate_samples_of_many(
        samples, options, wanted, rng, progress, subsets, (groups, permute, block_length)
    )


def check_wanted_of_many(bias: Any, *others: Any) -> Wanted:
    """Check as check_wanted() does, and refuse corrections that are for two sources."""
    wanted = check_wanted(bias, *others)
    if wanted.bias in OF_INDEPENDENT:
        raise ValueError(
            f'bias="{wanted.bias}" counts the cells of two sources and a target; use "qe" or '
            '"jackknife"'
        )
    return wanted


def check_subsets(subsets: Any, n_sources: int) -> bool:
    """Return whether all sets are wanted."""
    everything = check_choice("subsets", subsets, _SUBSETS) == "all"
    if everything and n_sources > _MOST_FOR_ALL:
        raise ValueError(
            f'subsets="all" of {n_sources} sources would be {2**n_sources - 1} solves of every '
            f'resample (at most {_MOST_FOR_ALL} sources); pass subsets="leave_one_out"'
        )
    return everything


def estimate_samples_of_many(
    samples: CodedSamples,
    options: SolveOptions,
    wanted: Wanted,
    rng: Any,
    progress: bool | None,
    subsets: Any = "all",
    dependence: tuple[Any, Any, Any] = (None, None, None),
) -> ManyEstimate:
    """Estimate from samples that are coded; `dependence` is groups, permute and block_length."""
    n_sources = len(samples.shape) - 1
    problem = ManyProblem(n_sources, samples.shape[-1], check_subsets(subsets, n_sources))
    hypotheses = hypotheses_of(problem)
    wanted = wanted._replace(atoms=tuple(hypotheses.null_of[wanted.null]), hypotheses=hypotheses)
    table = samples.table()
    check_table(table, wanted)
    resampler = resampler_of(samples, options.threads, *dependence)
    warn_of_few(table)
    check_bias(wanted.bias, resampler)
    decomposition = problem.decompose(table.p, options, options.unit)
    vector = problem.vector(decomposition)[None] / options.scale
    gap = float(decomposition.gap) / options.scale
    found = estimate_values(
        table, resampler, options, wanted, rng, progress, Solved(problem, vector, gap)
    )
    result = ManyEstimate(table=table, decomposition=decomposition, **found.fields)
    if not found.solved_to_tol:
        report_unsolved(result, result.largest_gap, options)
    return result
