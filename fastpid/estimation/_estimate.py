"""estimate(): from samples to atoms with their bias corrected, intervals and tests."""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastpid._base.checks import check_choice, check_count, check_open_interval
from fastpid._base.progress import progress_bar
from fastpid._base.quantities import Method, OnFailure, Terms, Unit
from fastpid._base.random import RNG, seed_sequence
from fastpid._base.warn import stacklevel_outside
from fastpid._solve.options import SolveOptions, check_options
from fastpid._solve.solve import solve_tables
from fastpid.estimation._bias import (
    AMPLIFICATION,
    BIASES,
    DIVISIONS,
    EXTRAPOLATED,
    SHUFFLED,
    chao_shen,
    correct_resamples,
    jackknife,
    left_in_shuffles,
    mean_of_parts,
    miller_madow,
    quadratic_extrapolation,
    root_extrapolation,
    solves_per_resample,
)
from fastpid.estimation._intervals import (
    INTERVALS,
    JUDGED_BY_ERRORS,
    NULL_OF,
    NULLS,
    SHUFFLES,
    Errors,
    error_p_value,
    intervals,
    p_value,
)
from fastpid.estimation._resampling import Resampler, Samples, Tables, solve_all, standard_error
from fastpid.estimation._result import Estimate
from fastpid.joint import JointTable, UndersampledWarning, from_counts
from fastpid.joint._missing import Missing
from fastpid.joint._prediction_table import PredictionTable
from fastpid.joint._samples import CodedSamples, code_samples
from fastpid.result import ConvergenceError, ConvergenceWarning

Bias = Literal["none", "miller_madow", "chao_shen", "qe", "shuffle", "qe_shuffle", "jackknife"]
Interval = Literal["none", "normal", "pivot"]
Null = Literal["target", "conditional"]
Vectors = NDArray[np.float64]

#: The number of shuffled targets that say what bias is left.
_SHUFFLES = 100
#: Errors of fewer resamples say little of their size.
_LEAST_BOOTSTRAP = 20
#: The tolerance of the samples' own table, in the unit asked for.
DEFAULT_TOL = 1e-9
#: The tolerance of resamples as a share of their standard error.
_SHARE_OF_ERROR = 0.01


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
        too few permutations or resamples for the level.

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
            "For three sources x, y, w of discrete values, decompose pairs, as "
            "fastpid.screen(np.column_stack([x, y, w]), z) does, or one against the others "
            "together: fastpid.estimate(x, np.unique(np.column_stack([y, w]), axis=0, "
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
    return estimate_samples(samples, options, wanted, rng, progress)


def estimate_samples(
    samples: CodedSamples, options: SolveOptions, wanted: Wanted, rng: Any, progress: bool | None
) -> Estimate:
    """Estimate from samples that are coded."""
    resampler = Resampler(
        samples.shape, options.threads, codes=samples.codes, weights=samples.weights
    )
    table = samples.table()
    _check_table(table, wanted)
    return resample_and_estimate(table, resampler, options, wanted, rng, progress)


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
    if counted.n_effective != counted.n_samples:
        raise ValueError("table has weighted samples; pass the samples themselves to estimate()")
    nx, ny, nz = counted.shape
    resampler = Resampler((nx, ny, nz), options.threads, counts=counted.counts)
    _check_table(counted, wanted)
    return resample_and_estimate(counted, resampler, options, wanted, rng, progress)


class Wanted(NamedTuple):
    """What is to be estimated, checked."""

    bias: str
    ci: str
    confidence_level: float
    n_bootstrap: int
    n_permutations: int
    null: str
    same_tol: bool  # for resamples as for the samples

    @property
    def needs_errors(self) -> bool:
        """Whether intervals or tests ask how far the estimator is off, of resamples."""
        judged = self.n_permutations > 0 and bool(JUDGED_BY_ERRORS[self.null])
        return self.ci != "none" or judged


def check_wanted(
    bias: Any,
    ci: Any,
    confidence_level: Any,
    n_bootstrap: Any,
    n_permutations: Any,
    null: Any,
    tol: Any = None,
) -> Wanted:
    wanted = Wanted(
        check_choice("bias", bias, BIASES),
        check_choice("ci", ci, INTERVALS),
        check_open_interval("confidence_level", confidence_level, 0.0, 1.0),
        check_count("n_bootstrap", n_bootstrap, 0),
        check_count("n_permutations", n_permutations, 0),
        check_choice("null", null, NULLS),
        tol is not None,
    )
    level = 1.0 - wanted.confidence_level
    least = math.ceil(round(1.0 / level, 6)) - 1
    if 0 < wanted.n_permutations < least:
        raise ValueError(
            f"n_permutations={wanted.n_permutations} leaves no p-value below "
            f"{1 / (1 + wanted.n_permutations):.2g}, and confidence_level={confidence_level} asks "
            f"for {level:.2g}; take {least} or more, or 0 for no tests"
        )
    least = math.ceil(round(2.0 / level, 6)) if ci == "pivot" else _LEAST_BOOTSTRAP
    if wanted.needs_errors and wanted.n_bootstrap < least:
        raise ValueError(
            f"n_bootstrap={wanted.n_bootstrap} resamples are too few for the errors that intervals "
            f'and tests ask for; take {least} or more, or ci="none" and n_permutations=0'
        )
    return wanted


class _Tables:
    """Every table that an estimate needs solved; vectors as of Terms.vector(), in nats."""

    def __init__(
        self,
        samples: Samples,
        options: SolveOptions,
        wanted: Wanted,
        rng: Any,
    ) -> None:
        self.samples = samples
        self.options = options._replace(on_failure="ignore")
        self.resample_options = self.options
        if not wanted.same_tol:
            tol = _SHARE_OF_ERROR / AMPLIFICATION * standard_error(samples)
            self.resample_options = self.options._replace(tol=max(tol, options.tol))
        self.wanted = wanted
        self.solved_to_tol = True
        self.advance: Callable[[int], object] = lambda count: None
        self.largest_gap = 0.0
        # A stream of its own for each purpose: what one option draws does not depend on another.
        seed = seed_sequence(rng)
        self.seed = {"entropy": seed.entropy, "spawn_key": seed.spawn_key}
        self.streams = seed.spawn(4)
        self.null_streams = seed.spawn(len(SHUFFLES))

    def solve(self, tables: Tables) -> Vectors:
        vectors, gap = solve_all(tables, self.resample_options, self.advance)
        self.note(gap, self.resample_options)
        return vectors

    def note(self, gap: float, options: SolveOptions) -> None:
        """Take the largest gap of some solves, which were to reach the tolerance of `options`."""
        self.largest_gap = max(self.largest_gap, gap)
        self.solved_to_tol = self.solved_to_tol and gap <= options.tol

    @property
    def total(self) -> int:
        """How many tables will be solved."""
        wanted = self.wanted
        kinds = {k for nulls in NULL_OF[wanted.null].values() for k in nulls}
        total = len(kinds) * wanted.n_permutations
        per_resample = solves_per_resample(wanted.bias)
        if wanted.needs_errors:
            total += wanted.n_bootstrap * per_resample
        if wanted.needs_errors or wanted.bias in SHUFFLED:
            total += _SHUFFLES * per_resample
        if wanted.needs_errors or wanted.bias in EXTRAPOLATED:
            total += DIVISIONS * 2
        if wanted.bias in EXTRAPOLATED:
            total += DIVISIONS * 4
        if wanted.bias == "jackknife":
            total += len(self.samples.leave_one_out()[1])
        return total

    def under_null(self, what: str) -> Vectors:
        """Return the vectors under a null hypothesis."""
        stream = self.null_streams[list(SHUFFLES).index(what)]
        role, given = SHUFFLES[what]
        return self.solve(self.samples.shuffle(self.wanted.n_permutations, stream, role, given))

    def corrected(self, plug_in: Vectors) -> Vectors:
        """Return the plug-in vector with its bias corrected."""
        corrected = self._corrected(plug_in)
        return corrected - self.left if self.wanted.bias in SHUFFLED else corrected

    def _corrected(self, plug_in: Vectors) -> Vectors:
        bias = self.wanted.bias
        if bias == "miller_madow":
            table = self.samples.mass.reshape(self.samples.shape)
            occupancy = self.samples.occupancy(table)
            return miller_madow(plug_in, occupancy, self.samples.n_effective)
        if bias == "chao_shen":
            return chao_shen(plug_in, self.samples.mass.reshape(self.samples.shape))
        if bias in EXTRAPOLATED:
            return quadratic_extrapolation(plug_in, self.halves, self.quarters)
        if bias == "jackknife":
            corrected, gap = jackknife(plug_in, self.samples, self.options, self.advance)
            self.note(gap, self.options)
            return corrected
        return plug_in

    @functools.cached_property
    def halves(self) -> Vectors:
        """The average vector of halves of the samples."""
        return self._mean_of_parts(2, self.streams[1])

    @functools.cached_property
    def quarters(self) -> Vectors:
        """The average vector of quarters of the samples."""
        return self._mean_of_parts(4, self.streams[2])

    def _mean_of_parts(self, parts: int, seed: np.random.SeedSequence) -> Vectors:
        options = self.resample_options
        mean, gap = mean_of_parts(self.samples, parts, seed, options, self.advance)
        self.note(gap, options)
        return mean

    @functools.cached_property
    def left(self) -> Vectors:
        """What the correction leaves of shuffled targets."""
        return left_in_shuffles(
            *(self.wanted.bias, self.samples, _SHUFFLES, self.streams[3]),
            self._solve_array,
        )

    def resampled(self) -> Vectors:
        """Return the corrected vectors of resamples."""
        resamples = self.samples.bootstrap(self.wanted.n_bootstrap, self.streams[0])
        vectors = [
            correct_resamples(self.wanted.bias, parts, self.samples, self._solve_array)
            for parts in resamples
        ]
        corrected = np.concatenate(vectors)
        return corrected - self.left if self.wanted.bias in SHUFFLED else corrected

    def errors(self, plug_in: Vectors, corrected: Vectors) -> Errors:
        """Return what is known of the errors of the corrected vector, in the unit asked for."""
        scale = self.options.scale
        left = np.zeros(4) if self.wanted.bias in SHUFFLED else self.left
        kink = root_extrapolation(plug_in, self.halves) - corrected
        drawn = self.resampled() - plug_in
        return Errors(_named(drawn, scale), _named(left, scale), _named(kink, scale))

    def _solve_array(self, tables: NDArray[np.float64]) -> Vectors:
        return self.solve(iter([tables]))


def resample_and_estimate(
    table: JointTable | PredictionTable,
    samples: Samples,
    options: SolveOptions,
    wanted: Wanted,
    rng: Any,
    progress: bool | None,
) -> Estimate:
    """Estimate from a table and the samples behind it."""
    if not table.sampling.is_sufficient:
        warnings.warn(
            table.sampling.advice, UndersampledWarning, stacklevel=stacklevel_outside("fastpid")
        )
    if wanted.bias in EXTRAPOLATED and table.n_samples < 8:
        raise ValueError(
            f'bias="{wanted.bias}" divides the samples in quarters, and there are '
            f'{table.n_samples}; use bias="none"'
        )
    solved = solve_tables(table.p, options._replace(on_failure="ignore"))
    plug_in = solved.terms.vector()[0]
    nulls = NULL_OF[wanted.null] if wanted.n_permutations else {}
    scale = options.scale
    tables = _Tables(samples, options, wanted, rng)
    with progress_bar(progress, tables.total, "solving resamples", "tables") as tables.advance:
        corrected = tables.corrected(plug_in)
        errors = tables.errors(plug_in, corrected) if wanted.needs_errors else None
        under_null = {
            what: _named(tables.under_null(what), scale)
            for what in dict.fromkeys(what for kinds in nulls.values() for what in kinds)
        }

    observed = {name: float(value) for name, value in _named(plug_in, scale).items()}
    values = {name: float(value) for name, value in _named(corrected, scale).items()}
    largest_gap = max(tables.largest_gap, float(solved.terms.gap[0])) * scale
    p_values = {
        atom: max(p_value(observed[atom], under_null[k][atom], largest_gap) for k in kinds)
        for atom, kinds in nulls.items()
    }
    raw_intervals, draws = {}, {}
    if errors is not None:
        for atom in JUDGED_BY_ERRORS[wanted.null] if nulls else ():
            p_values[atom] = max(p_values[atom], error_p_value(atom, values[atom], errors))
        if wanted.ci != "none":
            raw_intervals = intervals(wanted.ci, wanted.confidence_level, values, errors, p_values)
            draws = {name: observed[name] + drawn for name, drawn in errors.drawn.items()}
    most = entropy_bound(table) * scale
    result = Estimate(
        table=table,
        decomposition=solved.result(),
        bias=wanted.bias,
        corrected=values,
        values={name: _within(value, most) for name, value in values.items()},
        ci=wanted.ci,
        confidence_level=wanted.confidence_level,
        intervals={
            name: (_within(low, most), _within(high, most))
            for name, (low, high) in raw_intervals.items()
        },
        raw_intervals=raw_intervals,
        null=wanted.null,
        p_values=p_values,
        null_of={atom: " and ".join(kinds) for atom, kinds in nulls.items()},
        null_means={
            atom: max(float(under_null[what][atom].mean()) for what in kinds)
            for atom, kinds in nulls.items()
        },
        draws=draws,
        seed=tables.seed,
        largest_gap=largest_gap,
        unit=options.result_unit,
    )
    if not (tables.solved_to_tol and solved.terms.gap[0] <= options.tol):
        _report(result, options)
    return result


def p_values_of_errors(
    samples: Samples, options: SolveOptions, n_bootstrap: int, rng: Any
) -> dict[str, float]:
    """Return how likely errors as large as the atoms that their errors judge are.

    As :func:`estimate` has it under the conditional null hypothesis, with ``bias="miller_madow"``.
    """
    wanted = Wanted("miller_madow", "none", 0.95, n_bootstrap, 0, "conditional", False)
    tables = _Tables(samples, options, wanted, rng)
    plug_in = tables.solve(iter([samples.mass.reshape(1, *samples.shape)]))[0]
    corrected = tables.corrected(plug_in)
    errors = tables.errors(plug_in, corrected)
    values = _named(corrected, options.scale)
    return {
        atom: error_p_value(atom, float(values[atom]), errors)
        for atom in JUDGED_BY_ERRORS[wanted.null]
    }


def entropy_bound(table: JointTable | PredictionTable) -> float:
    """Return what no information about z exceeds, in nats: H(Z), corrected to first order."""
    p = table.p.sum(axis=(0, 1))
    p = p[p > 0.0]
    plug_in = float(-(p * np.log(p)).sum())
    return min(plug_in + (len(p) - 1) / (2.0 * table.n_effective), math.log(len(p)))


def _within(value: float, most: float) -> float:
    return min(max(value, 0.0), most)


def _named(vectors: Vectors, scale: float) -> dict[str, Any]:
    return {name: value * scale for name, value in Terms.of_vector(vectors).named().items()}


def _report(result: Estimate, options: SolveOptions) -> None:
    if options.on_failure == "ignore":
        return
    text = (
        f"some tables were not solved to tol: the largest gap is {result.largest_gap:.2e} "
        f"{options.unit}; the bounds hold, so take it as an error of every value, or accept a "
        "larger tol"
    )
    if options.on_failure == "raise":
        raise ConvergenceError(text, result)
    warnings.warn(text, ConvergenceWarning, stacklevel=stacklevel_outside("fastpid"))


def _check_table(table: JointTable, wanted: Wanted) -> None:
    _refuse_constant(table)
    _refuse_distinct(table)
    if wanted.bias == "chao_shen" and table.n_effective != table.n_samples:
        raise ValueError(
            'bias="chao_shen" counts cells of one sample, which weights leave without meaning; use '
            '"qe"'
        )


def _refuse_constant(table: JointTable) -> None:
    for axis, role in enumerate("xyz"):
        if np.count_nonzero(table.counts_along(axis)) == 1:
            name = table.names[axis]
            title = role if name == role else f"{role} ({name!r})"
            raise ValueError(
                f"{title} has one symbol in {table.n_samples} samples, so it carries no "
                "information; choose another column"
            )


def _refuse_distinct(table: JointTable) -> None:
    """Refuse what only names its samples: no frequency can be told from one of each."""
    for axis, role in enumerate("xyz"):
        occupied = np.count_nonzero(table.counts_along(axis))
        if occupied == table.n_samples > 2:
            name = table.names[axis]
            title = role if name == role else f"{role} ({name!r})"
            raise ValueError(
                f"{title} has a symbol of its own for every one of {table.n_samples} samples, so "
                "that nothing can be estimated; bin it (bins=...), or choose another column"
            )
