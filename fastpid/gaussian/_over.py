"""estimate_over(): Gaussian atoms at every time of trials, tested over all times together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastpid._base.checks import check_bool, check_choice, check_open_interval
from fastpid._base.progress import progress_bar
from fastpid._base.quantities import ATOMS, Atom, OnFailure, Terms, Unit
from fastpid._base.random import RNG, seed_sequence
from fastpid._solve.gaussian.covariances import check_covariances, explain_bad_covariance
from fastpid._solve.gaussian.solve import solve_covariances
from fastpid._solve.options import SolveOptions, check_options
from fastpid.course._assembly import Setting, assemble
from fastpid.course._block import Block, block_of
from fastpid.estimation._arrangement import Arrangement, Permute, check_arrangement, read_groups
from fastpid.estimation._assembly import report_unsolved
from fastpid.estimation._problem import named
from fastpid.estimation._wanted import DEFAULT_TOL, Interval, Wanted, check_wanted
from fastpid.gaussian._bias import BIASES
from fastpid.gaussian._columns import check_number
from fastpid.gaussian._course_result import GaussianTimeCourse
from fastpid.gaussian._estimate import check_bias, null_texts
from fastpid.gaussian._resampled import ResampledCovariances
from fastpid.gaussian._samples import GaussianSamples
from fastpid.gaussian._trials import NumericTrials, read_numeric_trials

#: Numbers of trials that are in memory at a time (16 MiB), and places whose resamples are.
_NUMBERS_AT_A_TIME = 2**21
_PLACES_AT_A_TIME = 1024

Array = NDArray[np.float64]


def estimate_over(
    X: Any,
    Y: Any,
    Z: Any,
    *,
    times: Any = None,
    lags: int | Sequence[int] = 0,
    copula: bool = False,
    missing: Literal["raise", "drop"] = "raise",
    groups: Any = None,
    permute: Permute | None = None,
    block_length: int | None = None,
    bias: Literal["exact", "qe", "none"] = "exact",
    ci: Interval = "normal",
    confidence_level: float = 0.95,
    n_bootstrap: int = 100,
    n_permutations: int = 200,
    atoms: Sequence[Atom] = ATOMS,
    cluster_level: float = 0.05,
    tol: float = DEFAULT_TOL,
    max_iter: int | None = None,
    unit: Unit = "bits",
    threads: int | None = None,
    rng: RNG = None,
    on_failure: OnFailure = "warn",
    progress: bool | None = None,
) -> GaussianTimeCourse:
    """Estimate what two Gaussian sources say about a Gaussian target at every time of trials.

    At each time the trials are the samples of :func:`fastpid.gaussian.estimate`. Resamples and
    surrogates take the same trials everywhere, so that tests can be corrected for all times and
    lags together, as :func:`fastpid.estimate_over` does it for symbols.

    Parameters
    ----------
    X, Y, Z : array-like (n_trials, n_times), (n_trials, n_columns, n_times) or (n_trials,)
        The two sources and the target, numbers. All columns of a variable belong to it: several
        sensors are one source. What does not change over time has no axis of times, or one time: a
        stimulus of two numbers is (n_trials, 2, 1). Arrays; xarray DataArrays, whose dimensions
        "trial" or "epoch" and "time" are found by name; and objects with MNE's ``get_data()``,
        ``times`` and ``ch_names``, such as Epochs.
    times : array-like (n_times,), optional
        By default those of a DataArray or of Epochs, or 0, 1, 2 and so on.
    lags : int or sequence of int
        How many time steps before the target the sources are taken; several make an axis of the
        result. Needs a target that changes over time. Times that some lag leaves without sources
        are left out.
    copula : bool
        Take normal quantiles of the ranks over trials, of each column at every time.
    missing : {"raise", "drop"}
        What to do about missing values: refuse them, or drop their trials at all times
        (``GaussianTimeCourse.n_dropped`` says how many).
    groups : array-like (n_trials,), optional
        The subject or session of every trial.
    permute, block_length
        As for :func:`fastpid.estimate`, with trials for its samples.
    bias, ci, confidence_level, n_bootstrap, n_permutations
        As for :func:`fastpid.gaussian.estimate`, at every time.
    atoms : sequence of {"redundancy", "unique_x", "unique_y", "synergy"}
        Which are tested; all four are estimated.
    cluster_level : float
        The share of values that exceeds the threshold which clusters are cut by.
    tol, max_iter, unit, threads, rng, on_failure, progress
        As for :func:`fastpid.gaussian.estimate`.

    Returns
    -------
    GaussianTimeCourse
        With the face of :class:`fastpid.TimeCourse`: values, intervals at each time, bands over all
        times, and p-values, at each time by itself and corrected for all of them.

    Raises
    ------
    ValueError, TypeError
        As :func:`fastpid.gaussian.estimate` does, naming the time; for arrays whose trials or times
        differ in number, or whose time axes differ; for lags longer than the trials.
    ConvergenceError
        Under ``on_failure="raise"``, if some covariance was not solved to `tol`.

    Warns
    -----
    UserWarning, UndersampledWarning, ConvergenceWarning
        As :func:`fastpid.gaussian.estimate` does.

    Examples
    --------
    >>> import fastpid, numpy as np
    >>> rng = np.random.default_rng(0)
    >>> x, y = rng.normal(size=(2, 200, 20))  # 200 trials, 20 times
    >>> z = rng.normal(size=200)
    >>> y[:, 8:12] = z[:, None] - x[:, 8:12] + 0.3 * y[:, 8:12]  # together they tell z, for a while
    >>> course = fastpid.gaussian.estimate_over(x, y, z, atoms=["synergy"], ci="none", rng=0)
    >>> [(span.start, span.stop) for span in course.spans("synergy")]
    [(8, 11)]
    """
    options = check_options("auto", tol, max_iter, unit, threads, False, on_failure)
    wanted = check_wanted(
        *("none", ci, confidence_level, n_bootstrap, n_permutations, "conditional", None, atoms)
    )
    wanted = wanted._replace(bias=check_choice("bias", bias, BIASES))
    check_open_interval("cluster_level", cluster_level, 0.0, 1.0)
    trials = read_numeric_trials(
        (X, Y, Z), times=times, lags=lags, missing=missing, copula=check_bool("copula", copula)
    )
    n_trials = trials.n_trials
    check_number(n_trials, trials.sizes, wanted.bias == "qe")
    n_given = n_trials if trials.kept is None else len(trials.kept)
    runs = None if groups is None else read_groups(groups, n_given, trials.kept)
    arrangement = check_arrangement(runs, permute, block_length, n_trials, ("trials", "recordings"))
    check_bias(wanted.bias, arrangement)
    seed = seed_sequence(rng)
    places = _Places(trials, options, wanted, arrangement)
    places.check()
    with progress_bar(progress, places.total(seed), "solving resamples", "covariances") as advance:
        found = [places.estimate(some, seed, advance) for some in places.some_at_a_time()]
    blocks, covariances = [block for block, _ in found], [cov for _, cov in found]
    setting = Setting(trials.coords, trials.names, trials.kept, options, wanted, arrangement)
    k = sum(trials.sizes)
    course = GaussianTimeCourse(
        **assemble(setting, blocks, np.full(setting.shape, np.inf), cluster_level, seed),
        null_of=null_texts(wanted.nulls, arrangement.moves),
        covariance=np.concatenate(covariances).reshape(*setting.shape, k, k),
        sizes=trials.sizes,
        columns=trials.columns,
        copula=copula,
    )
    if not all(block.solved_to_tol for block in blocks):
        report_unsolved(course, course.largest_gap, options)
    return course


class _Places(NamedTuple):
    """Lags and times, each a covariance of the same trials."""

    trials: NumericTrials
    options: SolveOptions
    wanted: Wanted
    arrangement: Arrangement

    def some_at_a_time(self) -> list[NDArray[np.intp]]:
        """Return the numbers of the places, those that go together in an array each."""
        trials = self.trials
        numbers = np.arange(trials.n_places)
        step = _NUMBERS_AT_A_TIME // (trials.n_trials * sum(trials.sizes))
        step = max(1, min(_PLACES_AT_A_TIME, step))
        return np.split(numbers, range(step, len(numbers), step))

    def check(self) -> None:
        """Refuse columns that say nothing, or repeat others, at some place."""
        for some in self.some_at_a_time():
            self.trials.check(self.trials.at(some), some)

    def total(self, seed: np.random.SeedSequence) -> int:
        """Return how many covariances will be solved."""
        one = GaussianSamples(self.trials.at(np.arange(1)), self.trials.sizes, self.arrangement)
        each = ResampledCovariances(one, np.zeros((1, 4)), self.options, self.wanted, seed)
        return each.total * self.trials.n_places

    def estimate(
        self, some: NDArray[np.intp], seed: np.random.SeedSequence, advance: Callable[[int], object]
    ) -> tuple[Block, Array]:
        """Estimate at some of the places: with the same draws as at all others, by the seed."""
        wanted, scale = self.wanted, self.options.scale
        samples = GaussianSamples(self.trials.at(some), self.trials.sizes, self.arrangement)
        covariance = samples.covariance
        terms = self._terms(covariance, some)
        plug_in = terms.vector()
        resampled = ResampledCovariances(samples, plug_in, self.options, wanted, seed)
        resampled.advance = advance
        corrected = resampled.corrected
        errors = resampled.errors() if wanted.needs_errors else None
        drawn = {kind: named(resampled.under_null(kind), scale) for kind in wanted.kinds}
        largest = max(resampled.largest_gap, float(terms.gap.max()))
        block = block_of(
            *(wanted, named(plug_in, scale), named(corrected, scale), terms.gap * scale),
            errors,
            drawn,
            {},  # residuals change places with those of the same trials at all times
            largest * scale,
            largest <= self.options.tol,
        )
        return block, covariance

    def _terms(self, covariance: Array, some: NDArray[np.intp]) -> Terms:
        cov, variables = check_covariances(covariance, self.trials.sizes)
        solved = solve_covariances(cov, variables, self.options._replace(on_failure="ignore"))
        terms = Terms(*solved.term_rows)
        if solved.invalid:
            place = int(np.argmax(np.isnan(terms.gap)))
            why = explain_bad_covariance(cov[place], (), variables).removeprefix("cov: ")
            raise ValueError(f"at {self.trials.where(int(some[place]))}: {why}")
        return terms
