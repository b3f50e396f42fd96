"""estimate(): from samples to atoms with their bias corrected, intervals and tests."""

from __future__ import annotations

import functools
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
    BIASES,
    DIVISIONS,
    jackknife,
    miller_madow,
    occupied_cells,
    quadratic_extrapolation,
)
from fastpid.estimation._intervals import (
    INTERVALS,
    NULL_OF,
    NULLS,
    SHUFFLED_X,
    SHUFFLED_Y,
    SHUFFLED_Z,
    interval,
    p_value,
)
from fastpid.estimation._resampling import Resampler, Tables, solve_all
from fastpid.estimation._result import Estimate
from fastpid.joint import JointTable, from_counts
from fastpid.joint._missing import Missing
from fastpid.joint._samples import CodedSamples, code_samples
from fastpid.result import ConvergenceError, ConvergenceWarning

Bias = Literal["none", "miller_madow", "qe", "shuffle", "jackknife"]
Interval = Literal["none", "shifted", "basic", "percentile", "posterior"]
Null = Literal["target", "conditional"]
Vectors = NDArray[np.float64]

#: The least number of shuffles behind bias="shuffle".
_LEAST_SHUFFLES = 100


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
    ci: Interval = "shifted",
    confidence_level: float = 0.95,
    n_bootstrap: int = 1000,
    n_permutations: int = 1000,
    null: Null = "conditional",
    method: Method = "auto",
    tol: float = 1e-9,
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
        * "miller_madow": by the numbers of occupied cells [3]_; the union information keeps its
          relative place between its bounds.
    ci : {"shifted", "basic", "percentile", "posterior", "none"}
        The interval of every value. The first three come from resampling the samples [4]_:

        * "percentile": the quantiles of the resamples' plug-in values. These carry the bias twice,
          once from the samples and once from the resampling;
        * "shifted": these less twice the bias that the resamples show, their mean less the plug-in
          value. Near zero, where the distribution is one-sided, it covers better than "basic";
        * "basic": the quantiles mirrored at the plug-in value, which takes the bias out, too;
        * "posterior": the quantiles of distributions drawn from the Dirichlet posterior (prior mass
          1 / k in each of k cells), with their bias.
    confidence_level : float
        What the intervals are meant to cover, between 0 and 1.
    n_bootstrap : int
        How many resamples, or draws from the posterior, the intervals come from.
    n_permutations : int
        How many tables there are under each null hypothesis; 0 for no tests. A p-value is
        (1 + how many are at least as large) / (1 + n_permutations).
    null : {"conditional", "target"}
        What an atom is tested against. "conditional" tests what it adds:

        * `unique_x`: x is shuffled among samples of equal y, so that x says nothing beyond y;
          likewise `unique_y`;
        * `synergy`: there is none if either source says nothing beyond the other, so both of these
          have to be refuted: its p-value is the larger one of the two (an intersection-union test,
          [5]_);
        * `redundancy`: z is shuffled, as no narrower null is known.

        "target" shuffles z for all of them: neither source says anything. It refutes no more than
        that: where one source does say something, too many values of synergy and unique information
        come out as significant.
    method, tol, max_iter, unit, threads
        As for :func:`fastpid.decompose`, for every table that is solved.
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
        As :func:`fastpid.joint.from_samples` does; for a column of one symbol; for an option out of
        its range; for fewer than 8 samples under ``bias="qe"``.

    ConvergenceError
        Under ``on_failure="raise"``, if some table was not solved to `tol`.

    Warns
    -----
    ConvergenceWarning
        If some table was not solved to `tol`; its bounds hold, and `largest_gap` says how far apart
        they are.

    References
    ----------
    .. [1] S. P. Strong, R. Koberle, R. R. de Ruyter van Steveninck, W. Bialek, "Entropy and
       information in neural spike trains", Physical Review Letters 80, 1998.
    .. [2] M. H. Quenouille, "Notes on bias in estimation", Biometrika 43, 1956.
    .. [3] G. A. Miller, "Note on the bias of information estimates", 1955.
    .. [4] A. C. Davison, D. V. Hinkley, "Bootstrap methods and their application", 1997.
    .. [5] R. L. Berger, "Multiparameter hypothesis testing and acceptance sampling",
       Technometrics 24, 1982.

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
    options = check_options(method, tol, max_iter, unit, threads, True, on_failure)
    wanted = check_wanted(bias, ci, confidence_level, n_bootstrap, n_permutations, null)
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
    return _estimate(samples.table(), resampler, options, wanted, rng, progress)


def estimate_table(
    table: Any,
    *,
    bias: Bias = "qe",
    ci: Interval = "shifted",
    confidence_level: float = 0.95,
    n_bootstrap: int = 1000,
    n_permutations: int = 1000,
    null: Null = "conditional",
    method: Method = "auto",
    tol: float = 1e-9,
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
    options = check_options(method, tol, max_iter, unit, threads, True, on_failure)
    wanted = check_wanted(bias, ci, confidence_level, n_bootstrap, n_permutations, null)
    counted = table if isinstance(table, JointTable) else from_counts(table)
    if counted.n_effective != counted.n_samples:
        raise ValueError("table has weighted samples; pass the samples themselves to estimate()")
    nx, ny, nz = counted.shape
    resampler = Resampler((nx, ny, nz), options.threads, counts=counted.counts)
    return _estimate(counted, resampler, options, wanted, rng, progress)


class Wanted(NamedTuple):
    """What is to be estimated, checked."""

    bias: str
    ci: str
    confidence_level: float
    n_bootstrap: int
    n_permutations: int
    null: str


def check_wanted(
    bias: Any, ci: Any, confidence_level: Any, n_bootstrap: Any, n_permutations: Any, null: Any
) -> Wanted:
    check_choice("ci", ci, INTERVALS)
    return Wanted(
        check_choice("bias", bias, BIASES),
        ci,
        check_open_interval("confidence_level", confidence_level, 0.0, 1.0),
        check_count("n_bootstrap", n_bootstrap, 2 if ci != "none" else 0),
        check_count("n_permutations", n_permutations, 0),
        check_choice("null", null, NULLS),
    )


class _Tables:
    """Every table that an estimate needs solved; vectors as of Terms.vector(), in nats."""

    def __init__(
        self,
        resampler: Resampler,
        options: SolveOptions,
        wanted: Wanted,
        rng: Any,
    ) -> None:
        self.resampler = resampler
        self.options = options._replace(on_failure="ignore")
        self.wanted = wanted
        self.advance: Callable[[int], object] = lambda count: None
        self.largest_gap = 0.0
        self._under_null: dict[str, Vectors] = {}
        # A stream of its own for each purpose: what one option draws does not depend on another.
        self.streams = seed_sequence(rng).spawn(5)

    def solve(self, tables: Tables) -> Vectors:
        vectors, gap = solve_all(tables, self.options, self.advance)
        self.largest_gap = max(self.largest_gap, gap)
        return vectors

    @property
    def total(self) -> int:
        """How many tables will be solved."""
        wanted = self.wanted
        kinds = {k for nulls in NULL_OF[wanted.null].values() for k in nulls}
        if wanted.n_permutations == 0:
            kinds = set()
        if wanted.bias == "shuffle":
            kinds.add(SHUFFLED_Z)
        total = len(kinds) * self._null_count
        total += wanted.n_bootstrap if wanted.ci != "none" else 0
        if wanted.bias == "qe":
            total += DIVISIONS * (2 + 4)
        elif wanted.bias == "jackknife":
            total += len(self.resampler.leave_one_out()[1])
        return total

    @property
    def _null_count(self) -> int:
        least = _LEAST_SHUFFLES if self.wanted.bias == "shuffle" else 0
        return max(self.wanted.n_permutations, least)

    def under_null(self, what: str) -> Vectors:
        """Return the vectors under a null hypothesis, solved for once."""
        if what not in self._under_null:
            self._under_null[what] = self._shuffled(what)
        return self._under_null[what]

    def _shuffled(self, what: str) -> Vectors:
        stream, role, given = {
            SHUFFLED_Z: (self.streams[1], "z", ""),
            SHUFFLED_X: (self.streams[2], "x", "y"),
            SHUFFLED_Y: (self.streams[3], "y", "x"),
        }[what]
        return self.solve(self.resampler.shuffle(self._null_count, stream, role, given))

    def corrected(self, plug_in: Vectors, table: JointTable) -> Vectors:
        """Return the plug-in vector with its bias corrected."""
        bias = self.wanted.bias
        if bias == "none":
            return plug_in
        if bias == "miller_madow":
            return miller_madow(plug_in, occupied_cells(table.p), table.n_effective)
        if bias == "shuffle":
            shuffled: Vectors = self.under_null(SHUFFLED_Z).mean(axis=0)
            return plug_in - shuffled
        if bias == "qe":
            corrected, gap = quadratic_extrapolation(
                plug_in, self.resampler, self.streams[4], self.options, self.advance
            )
        else:
            corrected, gap = jackknife(plug_in, self.resampler, self.options, self.advance)
        self.largest_gap = max(self.largest_gap, gap)
        return corrected

    def draws(self, n_effective: float) -> Vectors | None:
        """Return the vectors that intervals are made of."""
        if self.wanted.ci == "none":
            return None
        sample = self.resampler.bootstrap
        if self.wanted.ci == "posterior":
            sample = functools.partial(self.resampler.posterior, n_effective=n_effective)
        return self.solve(sample(self.wanted.n_bootstrap, self.streams[0]))


def _estimate(
    table: JointTable,
    resampler: Resampler,
    options: SolveOptions,
    wanted: Wanted,
    rng: Any,
    progress: bool | None,
) -> Estimate:
    _refuse_constant(table)
    if wanted.bias == "qe" and table.n_samples < 8:
        raise ValueError(
            f'bias="qe" divides the samples in quarters, and there are {table.n_samples}; '
            'use bias="none"'
        )
    solved = solve_tables(table.p, options._replace(on_failure="ignore"))
    plug_in = solved.terms.vector()[0]
    nulls = NULL_OF[wanted.null] if wanted.n_permutations else {}
    tables = _Tables(resampler, options, wanted, rng)
    with progress_bar(progress, tables.total, "solving resamples", "tables") as tables.advance:
        corrected = tables.corrected(plug_in, table)
        vectors = tables.draws(table.n_effective)
        null_vectors = {what: tables.under_null(what) for kinds in nulls.values() for what in kinds}

    scale = options.scale
    observed = {name: float(value) for name, value in _named(plug_in, scale).items()}
    draws = {} if vectors is None else _named(vectors, scale)
    under_null = {
        what: _named(vectors[: wanted.n_permutations], scale)
        for what, vectors in null_vectors.items()
    }
    largest_gap = max(tables.largest_gap, float(solved.terms.gap[0])) * scale
    result = Estimate(
        table=table,
        decomposition=solved.result(),
        bias=wanted.bias,
        corrected={name: float(v) for name, v in _named(corrected, scale).items()},
        ci=wanted.ci,
        confidence_level=wanted.confidence_level,
        intervals={
            name: interval(wanted.ci, wanted.confidence_level, observed[name], values)
            for name, values in draws.items()
        },
        null=wanted.null,
        p_values={
            atom: max(p_value(observed[atom], under_null[k][atom], largest_gap) for k in kinds)
            for atom, kinds in nulls.items()
        },
        null_of={atom: " and ".join(kinds) for atom, kinds in nulls.items()},
        null_means={
            atom: max(float(under_null[what][atom].mean()) for what in kinds)
            for atom, kinds in nulls.items()
        },
        draws=draws,
        largest_gap=largest_gap,
        unit=options.result_unit,
    )
    _report(result, options)
    return result


def _named(vectors: Vectors, scale: float) -> dict[str, Any]:
    return {name: value * scale for name, value in Terms.of_vector(vectors).named().items()}


def _report(result: Estimate, options: SolveOptions) -> None:
    if options.on_failure == "ignore" or result.largest_gap <= options.tol * options.scale:
        return
    text = (
        f"some tables were not solved to tol: the largest gap is {result.largest_gap:.2e} "
        f"{options.unit}; the bounds hold, so take it as an error of every value, or accept a "
        "larger tol"
    )
    if options.on_failure == "raise":
        raise ConvergenceError(text, result)
    warnings.warn(text, ConvergenceWarning, stacklevel=stacklevel_outside("fastpid"))


def _refuse_constant(table: JointTable) -> None:
    for axis, role in enumerate("xyz"):
        if np.count_nonzero(table.counts_along(axis)) == 1:
            name = table.names[axis]
            title = role if name == role else f"{role} ({name!r})"
            raise ValueError(
                f"{title} has one symbol in {table.n_samples} samples, so it carries no "
                "information; choose another column"
            )
