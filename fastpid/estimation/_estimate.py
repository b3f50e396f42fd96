"""estimate(): from samples to atoms with their bias corrected, intervals and tests."""

from __future__ import annotations

import dataclasses
import functools
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid._solve import solve as solver
from fastpid.estimation._bias import (
    BIASES,
    jackknife,
    miller_madow,
    occupied_cells,
    quadratic_extrapolation,
)
from fastpid._base.extras import import_extra
from fastpid._solve.options import SolveOptions, check_options
from fastpid._base.progress import progress_bar
from fastpid.estimation._resampling import QUANTITIES, Resampler, Tables, named, seed_sequence, solve_all
from fastpid.joint._samples import code_samples
from fastpid._base.warn import stacklevel_outside
from fastpid.joint._tables import JointTable
from fastpid._base.checks import NATS_PER_UNIT, check_choice, check_count, check_level
from fastpid.result import ATOMS, ConvergenceWarning, Decomposition

__all__ = ["Estimate", "estimate", "estimate_table"]

INTERVALS = ("none", "shifted", "basic", "percentile", "posterior")
NULLS = ("target", "conditional")

_SHUFFLED_Z = "z shuffled"
_SHUFFLED_X = "x shuffled among equal y"
_SHUFFLED_Y = "y shuffled among equal x"
#: What is done to the samples by null hypothesis and atom; of several, the largest p-value counts.
_NULL_OF: dict[str, dict[str, tuple[str, ...]]] = {
    "target": dict.fromkeys(ATOMS, (_SHUFFLED_Z,)),
    "conditional": {
        "redundancy": (_SHUFFLED_Z,),
        "unique_x": (_SHUFFLED_X,),
        "unique_y": (_SHUFFLED_Y,),
        "synergy": (_SHUFFLED_X, _SHUFFLED_Y),
    },
}
#: The least number of shuffles behind bias="shuffle".
_LEAST_SHUFFLES = 100


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Estimate:
    """A decomposition of samples, and how far it can be trusted.

    Attributes
    ----------
    table : JointTable
        The samples, counted.
    decomposition : Decomposition
        The certified decomposition of the table as it is (the plug-in estimate).
    bias : str
        How the values were corrected.
    corrected : dict of str to float
        Atoms and informations with the bias corrected; they add up as the plug-in values do, and
        may be negative. The atoms are attributes, too: `redundancy`, `unique_x`, `unique_y`,
        `synergy`.
    ci : str
        The kind of interval.
    level : float
        What the intervals are meant to cover.
    intervals : dict of str to (float, float)
        Of every atom and information; empty for ``ci="none"``. Information is not negative, and
        neither are the ends.
    null : str
        The kind of null hypothesis.
    p_values : dict of str to float
        Of every atom: how often, under its null hypothesis, it is as large as it was found; empty
        if nothing was permuted.
    null_of : dict of str to str
        What was done to the samples for the p-value of each atom.
    null_means : dict of str to float
        The average of each atom under its null hypothesis, of several the largest.
    draws : dict of str to ndarray
        The plug-in values of all bootstrap or posterior draws.
    largest_gap : float
        The widest certified bracket among all tables that were solved.
    unit : str
        "bits" or "nats", of every number.
    """

    table: JointTable
    decomposition: Decomposition
    bias: str
    corrected: Mapping[str, float]
    ci: str
    level: float
    intervals: Mapping[str, tuple[float, float]]
    null: str
    p_values: Mapping[str, float]
    null_of: Mapping[str, str]
    null_means: Mapping[str, float]
    draws: Mapping[str, NDArray[np.float64]]
    largest_gap: float
    unit: str

    @property
    def redundancy(self) -> float:
        """The corrected redundancy."""
        return self.corrected["redundancy"]

    @property
    def unique_x(self) -> float:
        """The corrected unique information of x."""
        return self.corrected["unique_x"]

    @property
    def unique_y(self) -> float:
        """The corrected unique information of y."""
        return self.corrected["unique_y"]

    @property
    def synergy(self) -> float:
        """The corrected synergy."""
        return self.corrected["synergy"]

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the draws as plain Python numbers, strings and lists."""
        return {
            "unit": self.unit,
            "n_samples": self.table.n_samples,
            "n_effective": self.table.n_effective,
            "shape": list(self.table.shape),
            "names": list(self.table.names),
            "plug_in": self.decomposition.to_dict(),
            "bias": self.bias,
            "corrected": dict(self.corrected),
            "ci": self.ci,
            "level": self.level,
            "intervals": {name: list(ends) for name, ends in self.intervals.items()},
            "null": self.null,
            "p_values": dict(self.p_values),
            "null_of": dict(self.null_of),
            "null_means": dict(self.null_means),
            "largest_gap": self.largest_gap,
        }

    def to_frame(self) -> Any:
        """Return a pandas DataFrame, one row for each atom and information.

        Raises
        ------
        ImportError
            If pandas is not installed (``pip install fastpid[estimate]``).
        """
        pd = import_extra("pandas", "to_frame()")
        rows = [
            {
                "plug_in": getattr(self.decomposition, name),
                "corrected": self.corrected[name],
                "low": self.intervals.get(name, (np.nan, np.nan))[0],
                "high": self.intervals.get(name, (np.nan, np.nan))[1],
                "null_mean": self.null_means.get(name, np.nan),
                "p_value": self.p_values.get(name, np.nan),
            }
            for name in QUANTITIES
        ]
        return pd.DataFrame(rows, index=pd.Index(QUANTITIES, name="quantity"))

    def plot(self, ax: Any = None) -> Any:
        """Draw the atoms with their intervals: :func:`fastpid.plot.atoms`."""
        from fastpid import plot

        return plot.atoms(self, ax=ax)

    def __repr__(self) -> str:
        """Return a table of atoms."""
        shape = " x ".join(map(str, self.table.shape))
        head = f"  {'':<20}{'plug-in':>10}"
        if self.bias != "none":
            head += f"{'corrected':>11}"
        if self.intervals:
            head += f"{f'{self.level:.0%} interval':>22}"
        if self.p_values:
            head += f"{'under null':>12}{'p':>9}"
        lines = [f"Estimate from {self.table.n_samples} samples, {shape} ({self.unit})", head]
        for name in (*ATOMS, "mi_xy"):
            label = "I(X,Y;Z)" if name == "mi_xy" else name
            line = f"  {label:<20}{getattr(self.decomposition, name):>10.4f}"
            if self.bias != "none":
                line += f"{self.corrected[name]:>11.4f}"
            if self.intervals:
                low, high = self.intervals[name]
                line += f"{f'[{low:.4f}, {high:.4f}]':>22}"
            if name in self.p_values:
                line += f"{self.null_means[name]:>12.4f}{self.p_values[name]:>9.3g}"
            lines.append(line)
        words = []
        if self.bias != "none":
            words.append(f"bias: {self.bias}")
        if self.intervals:
            words.append(f"interval: {self.ci}")
        if self.p_values:
            words.append(f"null: {self.null}")
        lines.append(f"  {'; '.join([*words, f'largest gap {self.largest_gap:.0e}'])}")
        return "\n".join(lines)


def estimate(
    x: Any,
    y: Any,
    z: Any,
    *,
    data: Any = None,
    bins: Any = None,
    strategy: str = "quantile",
    names: Sequence[str] | None = None,
    weights: Any = None,
    bias: str = "qe",
    ci: str = "shifted",
    level: float = 0.95,
    bootstrap: int = 1000,
    permutations: int = 1000,
    null: str = "conditional",
    unit: str = "bits",
    method: str = "auto",
    tol: float = 1e-9,
    threads: int | None = None,
    seed: Any = None,
    progress: bool | None = None,
) -> Estimate:
    """Estimate what two sources say about a target, with bias, uncertainty and significance.

    Parameters
    ----------
    x, y, z : array-like (n_samples,)
        The two sources and the target, or with `data` the names of its columns; a source may have
        several columns. :func:`fastpid.joint.from_samples` says what becomes of them.
    data, bins, strategy, names, weights
        As there. Symbols are made once, and not anew for every resample; k-means takes the seed 0,
        or that of a Discretizer in `bins`.
    bias : {"qe", "jackknife", "shuffle", "miller-madow", "none"}
        How the bias of the plug-in values is corrected:

        * "qe": quadratic extrapolation from halves and quarters of the samples [1]_;
        * "jackknife": delete-one jackknife [2]_, exact, one solve per occupied cell;
        * "shuffle": less the average over shuffled targets. It takes too much where there is much
          information;
        * "miller-madow": by the numbers of occupied cells [3]_; the union information keeps its
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
    level : float
        What the intervals are meant to cover, between 0 and 1.
    bootstrap : int
        How many resamples or draws the intervals come from.
    permutations : int
        How many tables there are under each null hypothesis; 0 for no tests. A p-value is
        (1 + how many are at least as large) / (1 + permutations).
    null : {"conditional", "target"}
        What an atom is tested against. "conditional" tests what it adds:

        * `unique_x`: x is shuffled among samples of equal y, so that x says nothing beyond y;
          likewise `unique_y`;
        * `synergy`: there is none if either source says nothing beyond the other, so both of these
          have to be refuted: its p-value is the larger one of the two (an intersection-union test,
          [5]_);
        * `redundancy`: z is shuffled, as no narrower null is known.

        "target" shuffles z for all of them: neither source says anything. It refutes no more than
        that: where one source does say something, too many synergies and unique informations come
        out as significant.
    unit, method, tol, threads
        As for :func:`fastpid.decompose`, for every table that is solved.
    seed : int, SeedSequence or Generator, optional
        Of every random choice. The result does not depend on the number of threads.
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
    >>> e = fastpid.estimate(x, y, x ^ y, bootstrap=200, permutations=200, seed=0)
    >>> bool(e.p_values["synergy"] < 0.01 < e.p_values["redundancy"])
    True
    """
    options = check_options(method, tol, None, unit, threads, True, "ignore")
    samples = code_samples(
        x, y, z, data=data, bins=bins, strategy=strategy, names=names, weights=weights
    )
    return _estimate(
        samples.table(),
        Resampler(samples.cells(), samples.shape, samples.weights, options.threads),
        options,
        bias=bias,
        ci=ci,
        level=level,
        bootstrap=bootstrap,
        permutations=permutations,
        null=null,
        seed=seed,
        progress=progress,
    )


def estimate_table(
    table: JointTable,
    *,
    bias: str = "qe",
    ci: str = "shifted",
    level: float = 0.95,
    bootstrap: int = 1000,
    permutations: int = 1000,
    null: str = "conditional",
    unit: str = "bits",
    method: str = "auto",
    tol: float = 1e-9,
    threads: int | None = None,
    seed: Any = None,
    progress: bool | None = None,
) -> Estimate:
    """Do what :func:`estimate` does for samples that have been counted.

    Parameters
    ----------
    table : JointTable
        Of unweighted samples: counts do not tell which weights there were.
    bias, ci, level, bootstrap, permutations, null, unit, method, tol, threads, seed, progress
        As for :func:`estimate`.

    Returns
    -------
    Estimate

    Raises
    ------
    TypeError
        If `table` is not a JointTable.
    ValueError
        If its samples are weighted; as :func:`estimate`.
    """
    if not isinstance(table, JointTable):
        raise TypeError(
            f"table must be a JointTable, whose counts are known; got {type(table).__name__}"
        )
    if table.n_effective != table.n_samples:
        raise ValueError("table has weighted samples; pass the samples themselves to estimate()")
    options = check_options(method, tol, None, unit, threads, True, "ignore")
    nx, ny, nz = table.shape
    cells = np.repeat(np.arange(table.counts.size, dtype=np.int32), table.counts.ravel())
    return _estimate(
        table,
        Resampler(cells, (nx, ny, nz), None, options.threads),
        options,
        bias=bias,
        ci=ci,
        level=level,
        bootstrap=bootstrap,
        permutations=permutations,
        null=null,
        seed=seed,
        progress=progress,
    )


def _estimate(
    table: JointTable,
    resampler: Resampler,
    options: SolveOptions,
    *,
    bias: str,
    ci: str,
    level: float,
    bootstrap: int,
    permutations: int,
    null: str,
    seed: Any,
    progress: bool | None,
) -> Estimate:
    check_choice("bias", bias, BIASES)
    check_choice("ci", ci, INTERVALS)
    check_choice("null", null, NULLS)
    check_level(level)
    check_count("bootstrap", bootstrap, 2 if ci != "none" else 0)
    check_count("permutations", permutations, 0)
    _refuse_constant(table)
    if bias == "qe" and table.n_samples < 8:
        raise ValueError(
            f'bias="qe" divides the samples in quarters, and there are {table.n_samples}; '
            'use bias="none"'
        )
    decomposition = solver.decompose(table.p, options)
    found = decomposition
    scale = NATS_PER_UNIT[options.unit]
    plug_in = scale * np.array([found.mi_x, found.mi_y, found.mi_xy, found.union_information])
    # A stream of its own for each purpose: what one option draws does not depend on another.
    streams = seed_sequence(seed).spawn(5)
    gaps = [scale * found.gap]

    with progress_bar(progress, None, "solving resamples", "tables") as done:

        def run(tables: Tables) -> NDArray[np.float64]:
            informations, gap = solve_all(tables, options, done)
            gaps.append(gap)
            return informations

        @functools.cache
        def null_draws(what: str) -> NDArray[np.float64]:
            count = max(permutations, _LEAST_SHUFFLES if bias == "shuffle" else 0)
            if what == _SHUFFLED_Z:
                return run(resampler.shuffle(count, streams[1], "z", ""))
            if what == _SHUFFLED_X:
                return run(resampler.shuffle(count, streams[2], "x", "y"))
            return run(resampler.shuffle(count, streams[3], "y", "x"))

        corrected = plug_in
        if bias == "miller-madow":
            corrected = miller_madow(plug_in, occupied_cells(table.p), table.n_effective)
        elif bias == "shuffle":
            corrected = plug_in - null_draws(_SHUFFLED_Z).mean(axis=0)
        elif bias == "qe":
            corrected, gap = quadratic_extrapolation(plug_in, resampler, streams[4], options, done)
            gaps.append(gap)
        elif bias == "jackknife":
            corrected, gap = jackknife(plug_in, resampler, options, done)
            gaps.append(gap)

        draws: dict[str, NDArray[np.float64]] = {}
        if ci != "none":
            if ci == "posterior":
                tables = resampler.posterior(bootstrap, streams[0], table.n_effective)
            else:
                tables = resampler.bootstrap(bootstrap, streams[0])
            draws = named(run(tables) / scale)
        nulls = _NULL_OF[null] if permutations else {}
        under_null = {
            (atom, what): named(null_draws(what) / scale)[atom][:permutations]
            for atom, kinds in nulls.items()
            for what in kinds
        }

    observed = {name: float(value) for name, value in named(plug_in / scale).items()}
    largest_gap = max(gaps) / scale
    p_values = {
        atom: max(_p_value(observed[atom], under_null[atom, what], largest_gap) for what in kinds)
        for atom, kinds in nulls.items()
    }
    if largest_gap > options.tol / scale:
        warnings.warn(
            f"some tables were not solved to tol: the largest gap is {largest_gap:.2e} "
            f"{options.unit}; the bounds hold, so take it as an error of every value, or accept a "
            "larger tol",
            ConvergenceWarning,
            stacklevel=stacklevel_outside("fastpid"),
        )
    return Estimate(
        table=table,
        decomposition=decomposition,
        bias=bias,
        corrected={name: float(value) for name, value in named(corrected / scale).items()},
        ci=ci,
        level=float(level),
        intervals={
            name: _interval(ci, level, observed[name], values) for name, values in draws.items()
        },
        null=null,
        p_values=p_values,
        null_of={atom: " and ".join(kinds) for atom, kinds in nulls.items()},
        null_means={
            atom: max(float(under_null[atom, what].mean()) for what in kinds)
            for atom, kinds in nulls.items()
        },
        draws=draws,
        largest_gap=largest_gap,
        unit=options.unit,
    )


def _refuse_constant(table: JointTable) -> None:
    for axis, role in enumerate("xyz"):
        if np.count_nonzero(table.marginal(axis)) == 1:
            name = table.names[axis]
            title = role if name == role else f"{role} ({name!r})"
            raise ValueError(
                f"{title} has one symbol in {table.n_samples} samples, so that it says nothing and "
                "nothing can be said of it; choose another column"
            )


def _interval(
    kind: str, level: float, observed: float, draws: NDArray[np.float64]
) -> tuple[float, float]:
    tail = 0.5 * (1.0 - level)
    low, high = np.quantile(draws, [tail, 1.0 - tail]).tolist()
    if kind == "basic":
        low, high = 2.0 * observed - high, 2.0 * observed - low
    elif kind == "shifted":
        bias = float(draws.mean()) - observed
        low, high = low - 2.0 * bias, high - 2.0 * bias
    return max(low, 0.0), max(high, 0.0)


def _p_value(observed: float, null: NDArray[np.float64], gap: float) -> float:
    # Values closer than the solves tell apart are ties.
    larger = int(np.count_nonzero(null >= observed - gap))
    return (1 + larger) / (1 + null.size)
