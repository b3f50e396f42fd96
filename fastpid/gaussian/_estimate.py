"""estimate() of samples in columns: atoms with their bias corrected, intervals and tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from fastpid._base.checks import check_bool, check_choice
from fastpid._base.progress import progress_bar
from fastpid._base.quantities import OnFailure, Terms, Unit
from fastpid._base.random import RNG
from fastpid._solve.gaussian.covariances import check_covariances
from fastpid._solve.gaussian.solve import solve_covariances
from fastpid._solve.options import SolveOptions, check_options
from fastpid.estimation._arrangement import Arrangement, Permute, check_arrangement, read_groups
from fastpid.estimation._assembly import report_unsolved
from fastpid.estimation._intervals import (
    SHUFFLES,
    error_p_value,
    intervals,
    p_value,
)
from fastpid.estimation._problem import named
from fastpid.estimation._wanted import DEFAULT_TOL, Interval, Wanted, check_wanted
from fastpid.gaussian._bias import BIASES
from fastpid.gaussian._columns import check_number, read_columns
from fastpid.gaussian._resampled import ResampledCovariances
from fastpid.gaussian._result import GaussianEstimate
from fastpid.gaussian._samples import GaussianSamples
from fastpid.gaussian._shrinkage import check_shrinkage, intensity, shrunk


def estimate(
    X: Any,
    Y: Any,
    Z: Any,
    *,
    copula: bool = False,
    shrinkage: Literal["none", "oas"] | float = "none",
    groups: Any = None,
    permute: Permute | None = None,
    block_length: int | None = None,
    bias: Literal["exact", "qe", "none"] = "exact",
    ci: Interval = "normal",
    confidence_level: float = 0.95,
    n_bootstrap: int = 200,
    n_permutations: int = 200,
    tol: float = DEFAULT_TOL,
    max_iter: int | None = None,
    unit: Unit = "bits",
    threads: int | None = None,
    rng: RNG = None,
    on_failure: OnFailure = "warn",
    progress: bool | None = None,
) -> GaussianEstimate:
    """Estimate what two Gaussian sources say about a Gaussian target, from samples.

    Decomposes the covariance of the samples, as :func:`fastpid.gaussian.decompose` does, corrects
    its bias, and says how far the atoms can be trusted.

    Parameters
    ----------
    X, Y, Z : array-like (n_samples,) or (n_samples, columns)
        The two sources and the target: samples in rows, variables in columns. Columns of frames
        and of mappings keep their names. There must be 2 k + 8 samples or more, k being the number
        of all columns.
    copula : bool
        Take ranks in place of the values of each column, and normal quantiles of these [1]_; tied
        values share the average rank. Curves and heavy tails of single columns no longer matter;
        that the columns are jointly Gaussian then is a choice of model, and no bound. Resamples
        keep the ranks.
    shrinkage : {"none", "oas"} or float
        By which share all correlations are made smaller, from 0 to 1: those of the samples, of
        resamples and of surrogates. "oas" estimates the share that brings the covariance closest to
        the true one [2]_. A shrunk covariance varies less, and says less: informations are too low,
        by nothing that a bias correction knows, so that `bias` has to be "qe" or "none".
    groups, permute, block_length
        How samples depend on one another, as for :func:`fastpid.estimate`.
    bias : {"exact", "qe", "none"}
        How the bias of the plug-in values is corrected:

        * "exact": mutual informations by what is known of independent Gaussian samples, which
          leaves no bias; the union information by simulation. Where neither source need have unique
          information, it is taken for a kink, at which the bias of samples of the samples is but
          sqrt(2) times that of the samples. For independent samples only;
        * "qe": quadratic extrapolation from halves and quarters of the samples, which needs four
          times as many of them and varies more.
    ci, confidence_level, n_bootstrap
        Intervals from resamples, as for :func:`fastpid.estimate`. Where neither source need have
        unique information, intervals of redundancy and synergy reach up by what the union
        information may be too large, extrapolated from halves.
    n_permutations : int
        How many sets of samples there are under each null hypothesis; 0 for no tests.

        * `synergy`: x is replaced by its regression on y and the residuals of other samples, so
          that it says nothing of z beyond y; and y likewise. Both have to be refuted: the p-value
          is the larger one;
        * `unique_x`: the first of these; `unique_y`: the second;
        * `redundancy`: x is shuffled, and y is; both have to be refuted.

        The last three can be zero although these are refuted, so that they have to be beyond the
        errors of resamples as well.
    tol, max_iter, unit, threads
        As for :func:`fastpid.gaussian.decompose`, for every covariance that is solved.
    rng : int, SeedSequence, Generator or BitGenerator, optional
        Seed of all random choices. The result does not depend on the number of threads.
    on_failure : {"warn", "raise", "ignore"}
        What to do if some covariance was not solved to `tol`: a ConvergenceWarning, a
        ConvergenceError that carries the result, or nothing.
    progress : bool, optional
        Show a progress bar; by default on a terminal, after a second.

    Returns
    -------
    GaussianEstimate
        With the face of :class:`fastpid.Estimate`. `may_be_tied` says where the union information
        may be at a kink, at which a correction is right on average at most.

    Raises
    ------
    ValueError
        For X, Y and Z of different lengths, with too few samples, with values that are not finite,
        with a constant column or columns that determine another of the same variable; for
        information that is infinite, because X and Y determine a combination of the target; for
        ``bias="exact"`` of samples that depend on one another; for an option out of its range.
    TypeError
        For X, Y or Z that are no real numbers.
    ConvergenceError
        Under ``on_failure="raise"``, if some covariance was not solved to `tol`.

    Warns
    -----
    UserWarning
        For a column of at most twenty different integers: :func:`fastpid.estimate` is made for
        these.
    UndersampledWarning
        If there are fewer than twenty samples for each column.
    ConvergenceWarning
        If some covariance was not solved to `tol`; its bounds hold.

    References
    ----------
    .. [1] R. A. A. Ince et al., "A statistical framework for neuroimaging data analysis based on
       mutual information estimated via a Gaussian copula", Human Brain Mapping 38, 2017.
    .. [2] Y. Chen, A. Wiesel, Y. C. Eldar, A. O. Hero, "Shrinkage algorithms for MMSE covariance
       estimation", IEEE Transactions on Signal Processing 58, 2010.

    Examples
    --------
    >>> import fastpid, numpy as np
    >>> rng = np.random.default_rng(0)
    >>> x, y, noise = rng.normal(size=(3, 500))
    >>> e = fastpid.gaussian.estimate(x, y, x + y + noise, rng=0)
    >>> bool(e.p_values["synergy"] < 0.01), e.may_be_tied
    (True, True)
    """
    options = check_options("auto", tol, max_iter, unit, threads, False, on_failure)
    # The null hypotheses are those of "conditional" for tables.
    wanted = check_wanted("none", ci, confidence_level, n_bootstrap, n_permutations, "conditional")
    wanted = wanted._replace(bias=check_choice("bias", bias, BIASES))
    columns = read_columns(X, Y, Z)
    n_samples = len(columns.values)
    check_number(n_samples, columns.sizes, wanted.bias == "qe")
    runs = None if groups is None else read_groups(groups, n_samples)
    arrangement = check_arrangement(runs, permute, block_length, n_samples)
    check_bias(wanted.bias, arrangement)
    shrink = check_shrinkage(shrinkage)
    if shrink not in ("none", 0.0) and wanted.bias == "exact":
        raise ValueError(
            'bias="exact" is that of covariances as they are; with shrinkage take bias="qe" or '
            '"none"'
        )
    if check_bool("copula", copula):
        columns = columns.normal_scores()
    samples = GaussianSamples(columns.values, columns.sizes, arrangement)
    return _estimate(
        *(samples, columns.names, options, wanted, rng, progress), copula=copula, shrinkage=shrink
    )


def _estimate(
    samples: GaussianSamples,
    names: tuple[tuple[str, ...], ...],
    options: SolveOptions,
    wanted: Wanted,
    rng: Any,
    progress: bool | None,
    *,
    copula: bool,
    shrinkage: str | float,
) -> GaussianEstimate:
    arrangement, whole = samples.arrangement, samples.covariance
    covariance = shrunk(whole, samples.n_samples, shrinkage)
    checked = check_covariances(covariance, samples.sizes)
    solved = solve_covariances(*checked, options._replace(on_failure="ignore"))
    terms = Terms(*solved.term_rows[:, 0])
    plug_in = terms.vector()
    scale = options.scale
    covariances = ResampledCovariances(samples, plug_in, options, wanted, rng, shrinkage)
    total = covariances.total
    with progress_bar(progress, total, "solving resamples", "covariances") as covariances.advance:
        corrected = covariances.corrected
        errors = covariances.errors() if wanted.needs_errors else None
        under_null = {what: named(covariances.under_null(what), scale) for what in wanted.kinds}

    nulls = wanted.nulls
    observed = {name: float(value) for name, value in named(plug_in, scale).items()}
    values = {name: float(value) for name, value in named(corrected, scale).items()}
    largest_gap = max(covariances.largest_gap, float(terms.gap)) * scale
    p_values = {
        atom: max(p_value(observed[atom], under_null[k][atom], largest_gap) for k in kinds)
        for atom, kinds in nulls.items()
    }
    raw_intervals, draws = {}, {}
    if errors is not None:
        for atom in wanted.judged:
            p_values[atom] = max(p_values[atom], error_p_value(atom, values[atom], errors))
        if wanted.ci != "none":
            raw_intervals = intervals(wanted.ci, wanted.confidence_level, values, errors, p_values)
            draws = {name: observed[name] + drawn for name, drawn in errors.drawn.items()}
    result = GaussianEstimate(
        decomposition=solved.result(),
        bias=wanted.bias,
        corrected=values,
        values={name: max(value, 0.0) for name, value in values.items()},
        ci=wanted.ci,
        confidence_level=wanted.confidence_level,
        intervals={
            name: (max(low, 0.0), max(high, 0.0)) for name, (low, high) in raw_intervals.items()
        },
        raw_intervals=raw_intervals,
        null=wanted.null,
        p_values=p_values,
        null_of=null_texts(nulls, arrangement.moves),
        null_means={
            atom: max(float(under_null[what][atom].mean()) for what in kinds)
            for atom, kinds in nulls.items()
        },
        draws=draws,
        seed=covariances.seed,
        units=arrangement.units,
        n_units=arrangement.n_units,
        largest_gap=largest_gap,
        unit=options.result_unit,
        covariance=covariance,
        sizes=samples.sizes,
        columns=names,
        n_samples=samples.n_samples,
        copula=copula,
        shrinkage=float(intensity(whole, samples.n_samples, shrinkage)),
    )
    if largest_gap > options.tol * scale:
        report_unsolved(result, largest_gap, options)
    return result


def check_bias(bias: str, arrangement: Arrangement) -> None:
    """Refuse a correction that the samples are too few for, or which knows independent ones only.

    Raises
    ------
    ValueError
        As said.
    """
    if bias == "exact" and arrangement.n_units != arrangement.n_samples:
        raise ValueError(
            f'bias="exact" counts independent samples, and here {arrangement.units} are '
            'independent; use "qe" or "none"'
        )
    if bias == "qe" and arrangement.n_units < 8:
        raise ValueError(
            f'bias="qe" divides the {arrangement.units} in quarters, and there are '
            f'{arrangement.n_units}; use "none"'
        )


def null_texts(nulls: Mapping[str, Sequence[str]], moves: str) -> dict[str, str]:
    """Say what was done to the samples for the p-value of each atom."""
    return {
        atom: " and ".join(_null_text(kind, moves) for kind in kinds)
        for atom, kinds in nulls.items()
    }


def _null_text(kind: str, moves: str) -> str:
    role, given = SHUFFLES[kind]
    return f"residuals of {role} given {given} {moves}" if given else f"{role} {moves}"
