"""estimate_over(): atoms at every time of trials, tested over all times together."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid._base.checks import check_open_interval
from fastpid._base.progress import progress_bar
from fastpid._base.quantities import ATOMS, Atom, Method, OnFailure, Unit
from fastpid._base.random import RNG, seed_sequence
from fastpid._base.warn import stacklevel_outside
from fastpid._solve.options import check_options
from fastpid.course._assembly import Setting, assemble
from fastpid.course._places import Places
from fastpid.course._result import TimeCourse, sufficient
from fastpid.course._trials import Trials, read_trials
from fastpid.estimation._arrangement import (
    Arrangement,
    Permute,
    check_arrangement,
    read_groups,
)
from fastpid.estimation._assembly import entropy_bound, null_texts, report_unsolved
from fastpid.estimation._wanted import DEFAULT_TOL, Bias, Interval, Null, check_wanted
from fastpid.joint import UndersampledWarning
from fastpid.joint._missing import Missing
from fastpid.joint._sampling import sampling_of


def estimate_over(
    x: Any,
    y: Any,
    z: Any,
    *,
    times: Any = None,
    lags: int | Sequence[int] = 0,
    bins: Any = None,
    strategy: str = "quantile",
    names: Sequence[str] | None = None,
    missing: Missing = "raise",
    groups: Any = None,
    permute: Permute | None = None,
    block_length: int | None = None,
    bias: Bias = "qe",
    ci: Interval = "normal",
    confidence_level: float = 0.95,
    n_bootstrap: int = 100,
    n_permutations: int = 200,
    null: Null = "conditional",
    atoms: Sequence[Atom] = ATOMS,
    cluster_level: float = 0.05,
    method: Method = "auto",
    tol: float | None = None,
    max_iter: int | None = None,
    unit: Unit = "bits",
    threads: int | None = None,
    rng: RNG = None,
    on_failure: OnFailure = "warn",
    progress: bool | None = None,
) -> TimeCourse:
    """Estimate what two sources say about a target at every time of repeated trials.

    At each time the trials are the samples. Resamples and surrogates take the same trials
    everywhere, so that tests can be corrected for all times and channels together.

    Parameters
    ----------
    x, y, z : array-like (n_trials, n_times), (n_trials, n_channels, n_times) or (n_trials,)
        The two sources and the target. What has no times (a stimulus, a choice) is the same at all
        of them; what has no channels goes with every channel, and channel c of one with channel c
        of another. Arrays; xarray DataArrays, whose dimensions "trial" or "epoch" and "time" are
        found by name, the others standing in this order; and objects with MNE's ``get_data()``,
        ``times`` and ``ch_names``, such as Epochs.
    times : array-like (n_times,), optional
        By default those of a DataArray or of Epochs, or 0, 1, 2 and so on.
    lags : int or sequence of int
        How many time steps before the target the sources are taken; several make an axis of the
        result. Needs a target that changes over time. Times that some lag leaves without sources
        are left out.
    bins, strategy, names
        As for :func:`fastpid.joint.from_samples`. Symbols mean the same at all times: bins are cut
        from the values of all trials and times, for each channel by itself.
    missing : {"raise", "drop", "category"}
        What to do about missing values: refuse them, drop their trials at all times
        (``TimeCourse.n_dropped`` says how many), or make them a symbol.
    groups : array-like (n_trials,), optional
        The subject or session of every trial.
    permute, block_length
        As for :func:`fastpid.estimate`, with trials for its samples: `block_length` says over how
        many trials a slow drift lasts.
    bias, ci, confidence_level, n_bootstrap, n_permutations, null
        As there, at every time.
    atoms : sequence of {"redundancy", "unique_x", "unique_y", "synergy"}
        Which are tested; all four are estimated. Tests of one take a fraction of the time.
    cluster_level : float
        The share of values that exceeds the threshold which clusters are cut by.
    method, tol, max_iter, unit, threads, rng, on_failure, progress
        As for :func:`fastpid.estimate`.

    Returns
    -------
    TimeCourse
        Values, intervals at each time, bands over all times, and p-values: at each time by itself,
        corrected by the maximum [1]_ and by clusters [2]_; other corrections by
        :meth:`TimeCourse.adjusted`.

    Raises
    ------
    ValueError, TypeError, ImportError
        As :func:`fastpid.estimate` does; for arrays whose trials, channels or times differ in
        number or whose time axes differ; for ragged trials; for lags longer than the trials.
    ConvergenceError
        Under ``on_failure="raise"``, if some table was not solved to `tol`.

    Warns
    -----
    ConvergenceWarning
        If some table was not solved to `tol`.
    UndersampledWarning
        If at some times the trials are too few for their symbols.

    References
    ----------
    .. [1] P. H. Westfall, S. S. Young, "Resampling-based multiple testing", 1993.
    .. [2] E. Maris, R. Oostenveld, "Nonparametric statistical testing of EEG- and MEG-data",
       Journal of Neuroscience Methods 164, 2007.

    Examples
    --------
    >>> import fastpid, numpy as np
    >>> rng = np.random.default_rng(0)
    >>> x, y = rng.integers(0, 2, (2, 200, 20))  # 200 trials, 20 times
    >>> z = rng.integers(0, 2, 200)
    >>> y[:, 8:12] = x[:, 8:12] ^ z[:, None]  # together they tell z, for a while
    >>> course = fastpid.estimate_over(x, y, z, atoms=["synergy"], ci="none", rng=0)
    >>> [(span.start, span.stop) for span in course.spans("synergy")]
    [(8, 11)]
    """
    options = check_options(
        method, DEFAULT_TOL if tol is None else tol, max_iter, unit, threads, True, on_failure
    )
    wanted = check_wanted(bias, ci, confidence_level, n_bootstrap, n_permutations, null, tol, atoms)
    check_open_interval("cluster_level", cluster_level, 0.0, 1.0)
    trials = read_trials(
        (x, y, z),
        names=names,
        times=times,
        lags=lags,
        bins=bins,
        strategy=strategy,
        missing=missing,
    )
    places = Places(trials, options, wanted, _arrange(trials, groups, permute, block_length))
    counts = places.counts()
    _warn_of_few(counts)
    seed = seed_sequence(rng)
    with progress_bar(progress, places.total(seed), "solving resamples", "tables") as advance:
        blocks = [places.estimate(some, seed, advance) for some in places.some_at_a_time()]
    setting = Setting(
        *(trials.coords, trials.names, trials.kept), options, wanted, places.arrangement
    )
    p_z = counts.sum(axis=(1, 2))
    n_trials = float(p_z[0].sum())
    most = entropy_bound(p_z / n_trials, n_trials).reshape(setting.shape) * options.scale
    course = TimeCourse(
        **assemble(setting, blocks, most, cluster_level, seed),
        null_of=null_texts(wanted.nulls, places.arrangement.moves),
        counts=counts.reshape(*setting.shape, *trials.shape).astype(np.int64),
        labels=trials.labels,
    )
    if not all(block.solved_to_tol for block in blocks):
        report_unsolved(course, course.largest_gap, options)
    return course


def _arrange(trials: Trials, groups: Any, permute: Any, block_length: Any) -> Arrangement:
    n_trials = trials.codes[0].shape[-1]
    n_given = n_trials if trials.kept is None else len(trials.kept)
    runs = None if groups is None else read_groups(groups, n_given, trials.kept)
    return check_arrangement(runs, permute, block_length, n_trials, ("trials", "recordings"))


def _warn_of_few(counts: NDArray[np.float64]) -> None:
    enough = sufficient(counts)
    if enough.all():
        return
    worst = counts[int(np.argmin(enough))]
    n_trials = float(worst.sum())
    advice = sampling_of(worst.astype(np.int64), worst / n_trials, n_trials).advice
    where = "" if not enough.any() else f"at {np.count_nonzero(~enough)} of {enough.size} times, "
    warnings.warn(
        where + advice.replace("samples", "trials"),
        UndersampledWarning,
        stacklevel=stacklevel_outside("fastpid"),
    )
