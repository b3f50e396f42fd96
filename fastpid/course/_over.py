"""estimate_over(): atoms at every time of trials, tested over all times together."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastpid._base.checks import check_open_interval
from fastpid._base.progress import progress_bar
from fastpid._base.quantities import ATOMS, QUANTITIES, Atom, Method, OnFailure, Unit
from fastpid._base.random import RNG, seed_sequence
from fastpid._base.warn import stacklevel_outside
from fastpid._solve.options import SolveOptions, check_options
from fastpid._solve.solve import solve_tables
from fastpid.course._correction import (
    Standardized,
    Test,
    cluster_p_values,
    in_step,
    max_p_values,
    reach_of_all,
    standardize,
    standardize_errors,
)
from fastpid.course._result import TimeCourse, sufficient
from fastpid.course._trials import Trials, read_trials
from fastpid.estimation._arranged_samples import ArrangedSamples
from fastpid.estimation._arrangement import (
    Arrangement,
    Permute,
    check_arrangement,
    read_groups,
)
from fastpid.estimation._assembly import check_bias, entropy_bound, null_texts, report_unsolved
from fastpid.estimation._intervals import WITHOUT_STRATA, Errors, intervals
from fastpid.estimation._resampled import ResampledTables, named
from fastpid.estimation._wanted import DEFAULT_TOL, Bias, Interval, Null, Wanted, check_wanted
from fastpid.joint import UndersampledWarning
from fastpid.joint._missing import Missing
from fastpid.joint._sampling import sampling_of

#: Places whose resamples are in memory at a time, and the shuffled targets at each that say what a
#: correction leaves: an average over fewer than estimate() takes, since there are many places.
_PLACES_AT_A_TIME = 1024
_SHUFFLES = 20

Array = NDArray[np.float64]


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
    places = _Places(trials, options, wanted, _arrange(trials, groups, permute, block_length))
    counts = places.counts()
    _warn_of_few(counts)
    seed = seed_sequence(rng)
    with progress_bar(progress, places.total(seed), "solving resamples", "tables") as advance:
        blocks = [places.estimate(some, seed, advance) for some in places.some_at_a_time()]
    course = _assemble(places, blocks, counts, cluster_level, seed)
    if not all(block.solved_to_tol for block in blocks):
        report_unsolved(course, course.largest_gap, options)
    return course


class _Block(NamedTuple):
    """What was found at some of the places; values by name, (n_places,)."""

    plug_in: dict[str, Array]
    corrected: dict[str, Array]
    gap: Array
    errors: Errors | None
    null_means: dict[str, Array]
    #: By atom: of every null hypothesis.
    tests: dict[str, list[Test]]
    largest_gap: float
    solved_to_tol: bool

    def drawn(self, name: str) -> Array:
        """Return the errors of a value, (n_bootstrap, n_places)."""
        assert self.errors is not None
        return np.asarray(self.errors.drawn[name])

    def least(self, atom: str) -> Array:
        """Return what an atom is at least, be its bias that of a kink or not."""
        assert self.errors is not None
        return np.asarray(self.corrected[atom] + np.minimum(self.errors.kink[atom], 0.0))


class _Places(NamedTuple):
    """Channels, lags and times, each a table of the same trials."""

    trials: Trials
    options: SolveOptions
    wanted: Wanted
    arrangement: Arrangement

    @property
    def extents(self) -> tuple[int, ...]:
        """The numbers of channels, lags and times."""
        return self.trials.codes[0].shape[:3]

    def some_at_a_time(self) -> list[NDArray[np.intp]]:
        """Return the numbers of the places, those that go together in an array each."""
        numbers = np.arange(int(np.prod(self.extents)))
        return np.split(numbers, range(_PLACES_AT_A_TIME, len(numbers), _PLACES_AT_A_TIME))

    def samples(self, some: NDArray[np.intp]) -> ArrangedSamples:
        """Return the trials at some of the places."""
        at = np.unravel_index(some, self.extents)
        x, y, z = (codes[at] for codes in self.trials.codes)
        return ArrangedSamples(self.trials.shape, self.options.threads, self.arrangement, (x, y, z))

    def counts(self) -> Array:
        """Return the counts of all places, (n_places, nx, ny, nz)."""
        each = [self.samples(some).mass for some in self.some_at_a_time()]
        return np.concatenate(each).reshape(-1, *self.trials.shape)

    def tables(self, some: NDArray[np.intp], seed: np.random.SeedSequence) -> ResampledTables:
        """Return the tables that some of the places need solved."""
        return ResampledTables(self.samples(some), self.options, self.wanted, seed, _SHUFFLES)

    def total(self, seed: np.random.SeedSequence) -> int:
        """Return how many tables will be solved."""
        one = self.tables(np.arange(1), seed)
        check_bias(self.wanted.bias, one.samples)
        more = len(kinds_of_course(self.wanted)) - len(self.wanted.kinds)
        each = one.total + more * self.wanted.n_permutations
        return each * int(np.prod(self.extents))

    def estimate(
        self, some: NDArray[np.intp], seed: np.random.SeedSequence, advance: Callable[[int], object]
    ) -> _Block:
        """Estimate at some of the places: with the same draws as at all others, by the seed."""
        wanted, scale = self.wanted, self.options.scale
        tables = self.tables(some, seed)
        tables.advance = advance
        p = tables.samples.mass.reshape(-1, *self.trials.shape) / tables.samples.n_samples
        terms = solve_tables(p, self.options._replace(on_failure="ignore")).terms
        plug_in = terms.vector()
        corrected = tables.corrected(plug_in)
        observed, values = named(plug_in, scale), named(corrected, scale)
        errors = tables.errors(plug_in, corrected) if wanted.needs_errors else None
        tests: dict[str, list[Test]] = {atom: [] for atom in wanted.nulls}
        means: dict[str, list[Array]] = {atom: [] for atom in wanted.nulls}
        drawn = {kind: named(tables.under_null(kind), scale) for kind in kinds_of_course(wanted)}
        gap = max(tables.largest_gap, float(terms.gap.max())) * scale
        for atom, kinds in wanted.nulls.items():
            for kind in kinds:
                z = standardize(observed[atom], drawn[kind][atom], gap)
                smooth = WITHOUT_STRATA.get(kind)
                tests[atom].append(Test(z, in_step(z, drawn[smooth][atom]) if smooth else z))
                means[atom].append(drawn[kind][atom].mean(axis=0))
        return _Block(
            observed,
            values,
            terms.gap * scale,
            errors,
            {atom: np.max(each, axis=0) for atom, each in means.items()},
            tests,
            max(tables.largest_gap, float(terms.gap.max())) * scale,
            tables.solved_to_tol and bool(terms.gap.max() <= self.options.tol),
        )


def kinds_of_course(wanted: Wanted) -> list[str]:
    """Return what is done to the trials: also without strata, for how times go together."""
    smooth = [WITHOUT_STRATA.get(kind, kind) for kind in wanted.kinds]
    return list(dict.fromkeys([*wanted.kinds, *smooth]))


def _arrange(trials: Trials, groups: Any, permute: Any, block_length: Any) -> Arrangement:
    n_trials = trials.codes[0].shape[-1]
    n_given = n_trials if trials.kept is None else len(trials.kept)
    runs = None if groups is None else read_groups(groups, n_given, trials.kept)
    return check_arrangement(runs, permute, block_length, n_trials, ("trials", "recordings"))


def _warn_of_few(counts: Array) -> None:
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


def _assemble(
    places: _Places,
    blocks: list[_Block],
    counts: Array,
    cluster_level: float,
    seed: np.random.SeedSequence,
) -> TimeCourse:
    """Put the places together: corrections, bands and the axes of the result."""
    trials, options, wanted = places.trials, places.options, places.wanted
    axes = tuple(trials.coords)
    shape = tuple(len(along) for along in trials.coords.values())

    def joined(each: list[Any]) -> NDArray[Any]:
        whole = np.concatenate(each, axis=-1)
        return whole.reshape(*whole.shape[:-1], *shape)

    def by_name(of: Callable[[_Block], dict[str, Array]]) -> dict[str, Array]:
        return {name: joined([of(block)[name] for block in blocks]) for name in of(blocks[0])}

    p_values, p_max, p_cluster = {}, {}, {}
    for atom in wanted.nulls:
        tests = [
            _joined(each, joined)
            for each in zip(*(block.tests[atom] for block in blocks), strict=True)
        ]
        pointwise = [test.each.p_values() for test in tests]
        if atom in wanted.judged:
            least = joined([b.least(atom) for b in blocks])
            drawn = joined([b.drawn(atom) for b in blocks])
            z = standardize_errors(least, drawn)
            tests.append(Test(z, z))
            pointwise.append(_above(least, drawn.std(axis=0, ddof=1)))
        # All have to be refuted (an intersection-union test).
        p_values[atom] = np.max(pointwise, axis=0)
        p_max[atom] = np.max([max_p_values(test.each) for test in tests], axis=0)
        p_cluster[atom] = np.max(
            [cluster_p_values(test.in_step, cluster_level) for test in tests], axis=0
        )

    p_z = counts.sum(axis=(1, 2))
    n_trials = float(p_z[0].sum())
    most = entropy_bound(p_z / n_trials, n_trials).reshape(shape) * options.scale
    corrected = by_name(lambda block: block.corrected)
    found: dict[str, dict[str, tuple[Array, Array]]] = {"intervals": {}, "bands": {}}
    if wanted.ci != "none":
        reach = {
            name: reach_of_all(joined([b.drawn(name) for b in blocks]), wanted.confidence_level)
            for name in QUANTITIES
        }
        for which, p, wide in (("intervals", p_values, None), ("bands", p_max, reach)):
            ends = _intervals_of_all(blocks, wanted, p, wide)
            found[which] = {
                name: (
                    np.clip(low.reshape(shape), 0.0, most),
                    np.clip(high.reshape(shape), 0.0, most),
                )
                for name, (low, high) in ends.items()
            }
    return TimeCourse(
        dims=axes,
        coords=trials.coords,
        counts=counts.reshape(*shape, *trials.shape).astype(np.int64),
        labels=trials.labels,
        names=trials.names,
        n_dropped=0 if trials.kept is None else int(np.count_nonzero(~trials.kept)),
        plug_in=by_name(lambda block: block.plug_in),
        gap=joined([block.gap for block in blocks]),
        bias=wanted.bias,
        corrected=corrected,
        values={name: np.clip(value, 0.0, most) for name, value in corrected.items()},
        ci=wanted.ci,
        confidence_level=wanted.confidence_level,
        intervals=found["intervals"],
        bands=found["bands"],
        null=wanted.null,
        null_of=null_texts(wanted.nulls, places.arrangement.moves),
        null_means=by_name(lambda block: block.null_means),
        p_values=p_values,
        p_max=p_max,
        p_cluster=p_cluster,
        cluster_level=cluster_level,
        seed={"entropy": seed.entropy, "spawn_key": seed.spawn_key},
        units=places.arrangement.units.replace("samples", "trials"),
        n_units=places.arrangement.n_units,
        largest_gap=max(block.largest_gap for block in blocks),
        unit=options.result_unit,
    )


def _joined(parts: Sequence[Test], joined: Callable[[list[Any]], NDArray[Any]]) -> Test:
    def whole(each: list[Standardized]) -> Standardized:
        return Standardized(joined([z.observed for z in each]), joined([z.drawn for z in each]))

    each = whole([part.each for part in parts])
    if parts[0].in_step is parts[0].each:
        return Test(each, each)
    return Test(each, whole([part.in_step for part in parts]))


@np.vectorize
def _above(value: float, deviation: float) -> float:
    """Return the probability of so large an error, normal and one-sided."""
    if deviation == 0.0:
        return 0.0 if value > 0.0 else 1.0
    return 1.0 - NormalDist().cdf(value / deviation)


def _intervals_of_all(
    blocks: list[_Block],
    wanted: Wanted,
    p_values: dict[str, Array],
    reach: dict[str, Array] | None,
) -> dict[str, tuple[Array, Array]]:
    """Return both ends of the intervals at all places, (n_places,)."""
    flat = {atom: p.ravel() for atom, p in p_values.items()}
    wide = None if reach is None else {name: each.ravel() for name, each in reach.items()}
    ends, place = [], 0
    for block in blocks:
        assert block.errors is not None
        for i in range(len(block.gap)):
            found = intervals(
                *(wanted.ci, wanted.confidence_level),
                {name: float(value[i]) for name, value in block.corrected.items()},
                block.errors.of_field(i),
                {atom: float(p[place]) for atom, p in flat.items()},
                None if wide is None else {n: float(each[place]) for n, each in wide.items()},
            )
            ends.append([found[name] for name in QUANTITIES])
            place += 1
    both = np.array(ends)
    return {name: (both[:, k, 0], both[:, k, 1]) for k, name in enumerate(QUANTITIES)}
