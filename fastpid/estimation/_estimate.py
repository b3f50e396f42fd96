"""estimate(): from samples to atoms with their bias corrected, intervals and tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastpid._base.quantities import Method, OnFailure, Unit
from fastpid._base.random import RNG
from fastpid._solve.options import SolveOptions, check_options
from fastpid.estimation._arranged_samples import ArrangedSamples
from fastpid.estimation._arrangement import Permute, check_arrangement, read_groups
from fastpid.estimation._assembly import resample_and_estimate
from fastpid.estimation._resampling import Resampler, Samples
from fastpid.estimation._result import Estimate
from fastpid.estimation._wanted import DEFAULT_TOL, Bias, Interval, Null, Wanted, check_wanted
from fastpid.joint import JointTable, from_counts
from fastpid.joint._frames import pick
from fastpid.joint._missing import Missing
from fastpid.joint._samples import CodedSamples, code_samples


def estimate(
    x: Any,
    y: Any,
    z: Any,
    *more: Any,
    data: Any = None,
    bins: Any = None,
    strategy: str = "quantile",
    names: Sequence[str] | None = None,
    weights: Any = None,
    missing: Missing = "raise",
    groups: Any = None,
    permute: Permute | None = None,
    block_length: int | None = None,
    bias: Bias = "qe",
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
) -> Estimate:
    """Estimate what two sources say about a target, with bias, uncertainty and significance.

    Parameters
    ----------
    x, y, z : array-like (n_samples,)
        The two sources and the target, or with `data` the names of its columns; a source may have
        several columns. :func:`fastpid.joint.from_samples` says what becomes of them.
    data, bins, strategy, names, weights, missing
        As there. Symbols are made once, and not anew for every resample; k-means takes the seed 0,
        or the `random_state` of a Discretizer in `bins`.
    groups : array-like (n_samples,), optional
        The trial, subject or recording that every sample is of (or the name of such a column of
        `data`), where samples of one depend on one another.
    permute : {"between", "within"}, optional
        Which order of the samples is as likely as theirs if an atom's null hypothesis holds. By
        default "between", where there are groups: whole groups change places, and are what is drawn
        and divided elsewhere. Wants at least 5 of them, and 8 for ``bias="qe"``. "within": samples
        change places inside of their group only, being independent but for what they share with all
        of it, and are drawn from the same groups.
    block_length : int, optional
        The samples are a time series, or one in every group: how many samples later the dependence
        on the past is over, for instance where the autocorrelation of each variable has died out.
        Null hypotheses shift a variable in a circle, by so many samples at least [8]_; intervals
        come from blocks of this length [9]_.
    bias : {"qe", "jackknife", "shuffle", "miller_madow", "none"}
        How the bias of the plug-in values is corrected:

        * "qe": quadratic extrapolation from halves and quarters of the samples [1]_;
        * "jackknife": delete-one jackknife [2]_, exact, one solve per occupied cell;
        * "shuffle": less the average over shuffled targets. It over-corrects where information is
          large;
        * "qe_shuffle": "qe", less the average of "qe" over shuffled targets [6]_;
        * "miller_madow": by the numbers of occupied cells [3]_; the union information keeps its
          relative place between its bounds;
        * "chao_shen": by entropies corrected for cells that were not seen [7]_, otherwise like
          "miller_madow". Unweighted samples only.
    ci : {"normal", "pivot", "none"}
        The interval of every value, from the errors of the same corrected estimator: of resamples
        (drawn with replacement [4]_), whose truth is the plug-in value of the samples.

        * "normal": the value and as many standard deviations of the errors to either side as the
          level asks for;
        * "pivot": the value less the quantiles of the errors; wants 1,000 resamples.

        Either contains its value. It is widened by what the correction leaves of shuffled targets,
        on that side; reaches 0 where the test of its atom does not refute it; and where neither
        source need have unique information, that of the redundancy reaches up to that of the
        smaller mutual information, since an estimated minimum of two is too small. Instead of a
        jackknife, resamples are extrapolated from their halves.
    confidence_level : float
        What the intervals are meant to cover, between 0 and 1.
    n_bootstrap : int
        How many resamples the intervals come from.
    n_permutations : int
        How many tables there are under each null hypothesis; 0 for no tests. A p-value is
        (1 + how many are at least as large) / (1 + n_permutations).
    null : {"conditional", "target"}
        What an atom is tested against. "conditional" tests what it adds:

        * `synergy`: x is shuffled among samples of equal y, and y among those of equal x. There is
          no synergy if either source says nothing beyond the other, so both have to be refuted: the
          p-value is the larger one (an intersection-union test, [5]_);
        * `unique_x`: x is shuffled among samples of equal y, so that it says nothing beyond y;
          likewise `unique_y`;
        * `redundancy`: x is shuffled, and y is; both have to be refuted.

        The last two may be refuted although the atom is zero (the inputs of an AND gate have no
        unique information, and say more together than alone), so that they have to be beyond the
        errors of resamples as well: their p-value is that of a one-sided normal test if that is
        larger, and there are resamples even under ``ci="none"``.

        "target" shuffles z for all of them: neither source says anything. It refutes no more than
        that: where one source does say something, too many atoms come out as significant.
    method, max_iter, unit, threads
        As for :func:`fastpid.decompose`, for every table that is solved.
    tol : float, optional
        As there, for every table. By default 1e-9 for the samples' own table and, for resamples, a
        hundredth of what chance does to I(X, Y; Z), also after extrapolation: more than that
        resampling does not resolve.
    rng : int, SeedSequence, Generator or BitGenerator, optional
        Seed of all random choices. The result does not depend on the number of threads.
    on_failure : {"warn", "raise", "ignore"}
        What to do if some table was not solved to `tol`: a :class:`ConvergenceWarning`, a
        :class:`ConvergenceError` that carries the Estimate, or nothing.
    progress : bool, optional
        Show a progress bar; by default on a terminal, after a second.

    Returns
    -------
    Estimate

    Raises
    ------
    ValueError, TypeError, ImportError
        As :func:`fastpid.joint.from_samples` does; for a column of one symbol, or of one symbol a
        sample; for an option out of its range; for fewer than 8 samples under ``bias="qe"``; for
        too few permutations or resamples for the level; for groups of one sample, a single group,
        blocks longer than an eighth of the series; for corrections that count independent samples
        (``"miller_madow"``, ``"chao_shen"``) where these are not.

    ConvergenceError
        Under ``on_failure="raise"``, if some table was not solved to `tol`.

    Warns
    -----
    ConvergenceWarning
        If some table was not solved to `tol`; its bounds hold, and `largest_gap` says how far apart
        they are.
    UndersampledWarning
        If the samples are too few for their symbols (:class:`fastpid.joint.Sampling`): before
        anything is resampled.

    References
    ----------
    .. [1] S. P. Strong, R. Koberle, R. R. de Ruyter van Steveninck, W. Bialek, "Entropy and
       information in neural spike trains", Physical Review Letters 80, 1998.
    .. [2] M. H. Quenouille, "Notes on bias in estimation", Biometrika 43, 1956.
    .. [3] G. A. Miller, "Note on the bias of information estimates", 1955.
    .. [4] A. C. Davison, D. V. Hinkley, "Bootstrap methods and their application", 1997.
    .. [5] R. L. Berger, "Multiparameter hypothesis testing and acceptance sampling",
       Technometrics 24, 1982.
    .. [6] S. Panzeri, R. Senatore, M. A. Montemurro, R. S. Petersen, "Correcting for the sampling
       bias problem in spike train information measures", Journal of Neurophysiology 98, 2007.
    .. [7] A. Chao, T.-J. Shen, "Nonparametric estimation of Shannon's index of diversity when there
       are unseen species in sample", Environmental and Ecological Statistics 10, 2003.
    .. [8] G. Lancaster, D. Iatsenko, A. Pidde, V. Ticcinelli, A. Stefanovska, "Surrogate data for
       hypothesis testing of physical systems", Physics Reports 748, 2018.
    .. [9] D. N. Politis, J. P. Romano, "A circular block-resampling procedure for stationary data",
       in "Exploring the limits of bootstrap", 1992.

    Examples
    --------
    >>> import fastpid, numpy as np
    >>> rng = np.random.default_rng(0)
    >>> x, y = rng.integers(0, 2, (2, 1000))
    >>> e = fastpid.estimate(x, y, x ^ y, n_bootstrap=200, n_permutations=200, rng=0)
    >>> bool(e.p_values["synergy"] < 0.01 < e.p_values["redundancy"])
    True
    """
    if more:
        raise TypeError(
            f"estimate() takes two sources and a target; got {3 + len(more)} positional arguments. "
            "For three sources x, y, w of discrete values, estimate all together, as "
            "fastpid.estimate_many([x, y, w], z) does, or one against the others as one source: "
            "fastpid.estimate(x, np.unique(np.column_stack([y, w]), axis=0, "
            "return_inverse=True)[1].ravel(), z)"
        )
    options = check_options(
        method, DEFAULT_TOL if tol is None else tol, max_iter, unit, threads, True, on_failure
    )
    wanted = check_wanted(bias, ci, confidence_level, n_bootstrap, n_permutations, null, tol)
    samples = code_samples(
        *(x, y, z),
        data=data,
        bins=bins,
        strategy=strategy,
        names=names,
        weights=weights,
        missing=missing,
    )
    groups = groups_of(data, groups)
    return estimate_samples(
        samples, options, wanted, rng, progress, (groups, permute, block_length)
    )


def groups_of(data: Any, groups: Any) -> Any:
    """Return the groups of samples, by name if they are a column of `data`."""
    if not isinstance(groups, str):
        return groups
    if data is None:
        raise TypeError(f"groups names a column, {groups!r}, of data; pass data=")
    return pick(data, "groups", groups)


def estimate_samples(
    samples: CodedSamples,
    options: SolveOptions,
    wanted: Wanted,
    rng: Any,
    progress: bool | None,
    dependence: tuple[Any, Any, Any] = (None, None, None),
) -> Estimate:
    """Estimate from samples that are coded; `dependence` is groups, permute and block_length."""
    table = samples.table()
    check_table(table, wanted)
    resampler = resampler_of(samples, options.threads, *dependence)
    return resample_and_estimate(table, resampler, options, wanted, rng, progress)


def resampler_of(
    samples: CodedSamples, threads: int, groups: Any, permute: Any, block_length: Any
) -> Samples:
    """Return coded samples as what is resampled."""
    n_given = samples.n_samples + samples.n_dropped
    runs = None if groups is None else read_groups(groups, n_given, samples.kept)
    arrangement = check_arrangement(runs, permute, block_length, samples.n_samples)
    if runs is None and block_length is None:
        return Resampler(samples.shape, threads, codes=samples.codes, weights=samples.weights)
    codes = tuple(codes[None] for codes in samples.codes)
    return ArrangedSamples(samples.shape, threads, arrangement, codes, samples.weights)


def estimate_table(
    table: Any,
    *,
    bias: Bias = "qe",
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
) -> Estimate:
    """Estimate from samples that have been counted, as :func:`estimate` does from the samples.

    Parameters
    ----------
    table : JointTable, or counts as :func:`fastpid.joint.from_counts` takes them
        An array (nx, ny, nz) of counts, a crosstab of pandas, a dict or Counter of outcomes. The
        samples must be unweighted, since counts do not record weights.
    bias, ci, confidence_level, n_bootstrap, n_permutations, null
        As for :func:`estimate`.
    method, tol, max_iter, unit, threads, rng, on_failure, progress
        As for :func:`estimate`.

    Returns
    -------
    Estimate

    Raises
    ------
    ValueError
        If the samples are weighted; for probabilities, which do not say how many samples there
        are; as :func:`estimate` does.
    TypeError, ConvergenceError
        As :func:`fastpid.joint.from_counts` and :func:`estimate`.

    Warns
    -----
    ConvergenceWarning
        As :func:`estimate`.

    Examples
    --------
    >>> import fastpid, numpy as np
    >>> counts = np.array([[[40, 2], [3, 38]], [[1, 41], [36, 4]]])
    >>> e = fastpid.estimate_table(counts, n_bootstrap=99, n_permutations=99, rng=0)
    >>> e.p_values["synergy"]
    0.01
    """
    options = check_options(
        method, DEFAULT_TOL if tol is None else tol, max_iter, unit, threads, True, on_failure
    )
    wanted = check_wanted(bias, ci, confidence_level, n_bootstrap, n_permutations, null, tol)
    counted = table if isinstance(table, JointTable) else from_counts(table)
    if counted.p.ndim != 3:
        raise ValueError(
            f"table has {counted.p.ndim - 1} sources, and estimate_table() takes two; pass the "
            "samples themselves to estimate_many()"
        )
    if counted.n_effective != counted.n_samples:
        raise ValueError("table has weighted samples; pass the samples themselves to estimate()")
    nx, ny, nz = counted.shape
    resampler = Resampler((nx, ny, nz), options.threads, counts=counted.counts)
    check_table(counted, wanted)
    return resample_and_estimate(counted, resampler, options, wanted, rng, progress)


def check_table(table: JointTable, wanted: Wanted) -> None:
    _refuse_constant(table)
    _refuse_distinct(table)
    if wanted.bias == "chao_shen" and table.n_effective != table.n_samples:
        raise ValueError(
            'bias="chao_shen" counts cells of one sample, which weights leave without meaning; use '
            '"qe"'
        )


def _refuse_constant(table: JointTable) -> None:
    for axis, role in enumerate(table.roles):
        if np.count_nonzero(table.counts_along(axis)) == 1:
            name = table.names[axis]
            title = role if name == role else f"{role} ({name!r})"
            raise ValueError(
                f"{title} has one symbol in {table.n_samples} samples, so it carries no "
                "information; choose another column"
            )


def _refuse_distinct(table: JointTable) -> None:
    """Refuse what only names its samples: no frequency can be told from one of each."""
    for axis, role in enumerate(table.roles):
        occupied = np.count_nonzero(table.counts_along(axis))
        if occupied == table.n_samples > 2:
            name = table.names[axis]
            title = role if name == role else f"{role} ({name!r})"
            raise ValueError(
                f"{title} has a symbol of its own for every one of {table.n_samples} samples, so "
                "that nothing can be estimated; bin it (bins=...), or choose another column"
            )
