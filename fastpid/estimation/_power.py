"""How many samples it takes to find an atom, by simulation."""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Sequence
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastpid._base.checks import (
    check_choice,
    check_count,
    check_number,
    check_open_interval,
    check_positive_integer,
    check_real_array,
)
from fastpid._base.compare import Comparable
from fastpid._base.extras import import_extra
from fastpid._base.notebook import Shown
from fastpid._base.progress import progress_bar
from fastpid._base.quantities import ATOMS, Unit
from fastpid._base.random import RNG, seed_sequence
from fastpid._solve.options import check_options
from fastpid._solve.solve import solve_tables
from fastpid.estimation._estimate import estimate_table
from fastpid.estimation._wanted import Bias
from fastpid.joint import JointTable, UndersampledWarning

#: The default sizes: four a decade.
_SIZES = (50, 90, 160, 280, 500, 900, 1600, 2800, 5000)


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Power(Comparable, Shown):
    """How often an atom is found, by the number of samples.

    Attributes
    ----------
    p : ndarray (nx, ny, nz)
        The distribution that samples were drawn from.
    atom : str
        Which atom.
    truth : float
        Its value, in `unit`.
    n_samples : ndarray of int (k,)
        The numbers of samples.
    power : ndarray (k,)
        The share of data sets whose test of the atom is significant at `level`.
    power_intervals : ndarray (k, 2)
        Wilson's 95% intervals of these shares.
    bias, spread : ndarray (k,)
        Mean and standard deviation of the corrected value less the truth.
    insufficient : ndarray (k,)
        The share of data sets whose samples are too few (:class:`fastpid.joint.Sampling`).
    level : float
        The level of the test.
    wanted : float
        The power that is wanted.
    unit : str
        "bits" or "nats".
    """

    p: NDArray[np.float64]
    atom: str
    truth: float
    n_samples: NDArray[np.int64]
    power: NDArray[np.float64]
    power_intervals: NDArray[np.float64]
    bias: NDArray[np.float64]
    spread: NDArray[np.float64]
    insufficient: NDArray[np.float64]
    level: float
    wanted: float
    unit: str

    @property
    def needed(self) -> int | None:
        """How many samples reach the wanted power, interpolated; None if none of those tried do.

        From there on no larger number that was tried falls short of it.
        """
        below = np.flatnonzero(self.power < self.wanted)
        last = int(below[-1]) if below.size else -1
        if last + 1 == len(self.power):
            return None
        if last < 0:
            return int(self.n_samples[0])
        logs = np.log(self.n_samples[last : last + 2])
        at = np.interp(self.wanted, self.power[last : last + 2], logs)
        return math.ceil(float(np.exp(at)) - 1e-9)

    def to_frame(self) -> Any:
        """Return a pandas DataFrame, one row for each number of samples.

        Raises
        ------
        ImportError
            If pandas is not installed (``pip install fastpid[estimate]``).
        """
        pd = import_extra("pandas", "to_frame()")
        low, high = self.power_intervals.T
        return pd.DataFrame(
            {
                "power": self.power,
                "low": low,
                "high": high,
                "bias": self.bias,
                "spread": self.spread,
                "insufficient": self.insufficient,
            },
            index=pd.Index(self.n_samples, name="n_samples"),
        )

    def plot(self, *, ax: Any = None) -> Any:
        """Draw the power against the number of samples: :func:`fastpid.plot.power`."""
        from fastpid.plot import power

        return power(self, ax=ax)

    def __repr__(self) -> str:
        """Return a table, one line for each number of samples."""
        shape = " x ".join(map(str, self.p.shape))
        needed = "none of these" if self.needed is None else f"{self.needed:,}"
        lines = [
            f"Power to find {self.atom} of {self.truth:.4g} {self.unit} in {shape} symbols at "
            f"{self.level:.2g}",
            f"  {'samples':>9}{'power':>8}{'95% interval':>16}{'bias':>10}{'spread':>9}",
        ]
        for row in zip(
            self.n_samples,
            self.power,
            self.power_intervals,
            self.bias,
            self.spread,
            self.insufficient,
            strict=True,
        ):
            n, found, (low, high), bias, spread, insufficient = row
            few = "  too few for their symbols" if insufficient > 0.5 else ""
            lines.append(
                f"  {n:>9,}{found:>8.2f}{f'[{low:.2f}, {high:.2f}]':>16}{bias:>+10.4f}"
                f"{spread:>9.4f}{few}"
            )
        lines.append(f"  for a power of {self.wanted:.0%}: {needed} samples")
        return "\n".join(lines)


def power(
    distribution: Any,
    *,
    synergy: float | None = None,
    atom: str = "synergy",
    n_samples: Sequence[int] = _SIZES,
    wanted: float = 0.8,
    level: float = 0.05,
    n_replicates: int = 100,
    n_permutations: int = 99,
    n_bootstrap: int = 100,
    bias: Bias = "qe",
    unit: Unit = "bits",
    threads: int | None = None,
    rng: RNG = None,
    progress: bool | None = None,
) -> Power:
    """Simulate how many samples it takes for :func:`fastpid.estimate` to find an atom.

    Parameters
    ----------
    distribution : (nx, ny, nz), or array_like (nx, ny, nz) or JointDistribution
        The numbers of symbols, with `synergy`; or the distribution to draw from: a guess, or a
        pilot's table (whose plug-in synergy is too large).
    synergy : float, optional
        With numbers of symbols: how much synergy there is, in `unit`. The sources are independent
        of each other and say nothing alone; together they say their sum modulo the smallest number
        of symbols, as often as makes up for that much. Up to the logarithm of that number.
    atom : {"synergy", "redundancy", "unique_x", "unique_y"}
        What is to be found.
    n_samples : sequence of int
        The numbers of samples to try.
    wanted : float
        The power that :attr:`Power.needed` is for.
    level : float
        The level of the test.
    n_replicates : int
        How many data sets are drawn of each size: 100 leave the power uncertain by 0.1 at most.
    n_permutations, n_bootstrap, bias
        As for :func:`fastpid.estimate`.
    unit, threads, rng, progress
        As for :func:`fastpid.estimate`.

    Returns
    -------
    Power

    Raises
    ------
    ValueError, TypeError
        For numbers of symbols without `synergy`, or a distribution with it; for a synergy that
        these symbols cannot have; for a distribution without the atom; as
        :func:`fastpid.decompose` and :func:`fastpid.estimate`.

    Examples
    --------
    >>> import fastpid
    >>> found = fastpid.power((2, 2, 2), synergy=0.2, n_samples=[20, 60, 180], rng=0)
    >>> 20 < found.needed < 120
    True
    """
    check_choice("atom", atom, ATOMS)
    options = check_options("auto", 1e-9, None, unit, threads, True, "ignore")
    p = _distribution(distribution, synergy, options.scale)
    sizes = np.array(sorted({check_positive_integer("n_samples", n) for n in n_samples}))
    if not sizes.size:
        raise ValueError("n_samples is empty; pass the numbers of samples to try")
    check_open_interval("wanted", wanted, 0.0, 1.0)
    check_open_interval("level", level, 0.0, 1.0)
    check_count("n_replicates", n_replicates, 2)
    truth = float(getattr(solve_tables(p, options).result(), atom))
    if truth <= 1e-6:
        raise ValueError(f"there is no {atom} in this distribution, so that there is none to find")
    labels = (*(tuple(range(n)) for n in p.shape),)
    found = np.zeros((len(sizes), n_replicates))
    errors = np.full((len(sizes), n_replicates), np.nan)
    few = np.ones((len(sizes), n_replicates))
    seeds = seed_sequence(rng).spawn(len(sizes) * n_replicates)
    total = len(seeds)
    with progress_bar(progress, total, "simulating", "data sets") as advance:
        for place, seed in enumerate(seeds):
            i, j = divmod(place, n_replicates)
            advance(1)
            draw, resample = seed.spawn(2)
            counts = np.random.default_rng(draw).multinomial(int(sizes[i]), p.ravel())
            table = JointTable.of_counts(
                counts.reshape(p.shape), (labels[0], labels[1], labels[2]), ("x", "y", "z")
            )
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UndersampledWarning)
                try:
                    e = estimate_table(
                        table,
                        bias=bias,
                        ci="none",
                        confidence_level=1.0 - level,
                        n_bootstrap=n_bootstrap,
                        n_permutations=n_permutations,
                        unit=unit,
                        threads=threads,
                        rng=resample,
                        on_failure="ignore",
                        progress=False,
                    )
                except ValueError:
                    if table.n_samples >= 8 and _has_symbols(table):
                        raise
                    continue  # a column of one symbol, or of samples alone: nothing is found
            found[i, j] = e.p_values[atom] <= level
            errors[i, j] = e.corrected[atom] - truth
            few[i, j] = not e.sampling.is_sufficient
    share = found.mean(axis=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # where every data set was refused
        mean, spread = np.nanmean(errors, axis=1), np.nanstd(errors, axis=1)
    return Power(
        p=p,
        atom=atom,
        truth=truth,
        n_samples=sizes,
        power=share,
        power_intervals=_wilson(share, n_replicates),
        bias=mean,
        spread=spread,
        insufficient=few.mean(axis=1),
        level=level,
        wanted=wanted,
        unit=unit,
    )


def _has_symbols(table: JointTable) -> bool:
    """Whether estimate() takes such a table: none of its columns is constant or all distinct."""
    occupied = [int(np.count_nonzero(table.counts_along(axis))) for axis in range(3)]
    return min(occupied) > 1 and max(occupied) < table.n_samples


def _distribution(given: Any, synergy: float | None, scale: float) -> NDArray[np.float64]:
    array = check_real_array(given, "distribution")
    if array.ndim == 1:
        if len(array) != 3 or array.dtype.kind not in "iu" or array.min() < 2:
            raise ValueError(
                "distribution must be three numbers of symbols, 2 or more each, or a table "
                f"(nx, ny, nz); got {given!r}"
            )
        nx, ny, nz = map(int, array)
        if synergy is None:
            raise ValueError(f"distribution {(nx, ny, nz)} wants synergy=..., how much there is")
        return synergistic_table(
            (nx, ny, nz), check_number("synergy", synergy, 0.0, math.inf) / scale
        )
    if synergy is not None:
        raise ValueError("synergy is for numbers of symbols; a table has what it has")
    if array.ndim != 3:
        raise ValueError(f"distribution must have the shape (nx, ny, nz); got {array.shape}")
    p = np.ascontiguousarray(array, dtype=np.float64)
    total = float(p.sum())
    if not abs(total - 1.0) < 1e-6 or (p < 0.0).any():
        raise ValueError(
            f"distribution must be probabilities that sum to one; they sum to {total:.6g}"
        )
    return p / total


def synergistic_table(shape: tuple[int, int, int], synergy: float) -> NDArray[np.float64]:
    """Return a table whose only atom is so much synergy, in nats.

    With m the smallest number of symbols, every symbol belongs to one of m classes, all classes as
    likely, and the target's class is the sum of the sources' modulo m with probability a + (1 - a)
    / m, any other with (1 - a) / m. Either source alone is independent of it, for the other one's
    class is uniform. Together they say log m less the entropy of these m probabilities, from zero
    at a = 0 to log m at a = 1, which is solved for a.
    """
    m = min(shape)
    most = math.log(m)
    if synergy > most * (1.0 + 1e-12):
        raise ValueError(
            f"the smallest of {shape} symbols can have a synergy of {most / math.log(2):.4g} bit "
            f"({most:.4g} nat) at most"
        )
    low, high = 0.0, 1.0
    for _ in range(60):
        a = 0.5 * (low + high)
        others = (1.0 - a) / m
        sure = a + others
        noise = (m - 1) * others * math.log(others) if others > 0.0 else 0.0
        low, high = (a, high) if most + sure * math.log(sure) + noise < synergy else (low, a)
    a = 0.5 * (low + high)
    classes = [np.arange(n) % m for n in shape]
    within = [1.0 / np.bincount(c, minlength=m)[c] for c in classes]
    x, y, z = np.ix_(*classes)
    of_class = np.where((x + y) % m == z, a + (1.0 - a) / m, (1.0 - a) / m) / m**2
    p = of_class * np.einsum("i,j,k->ijk", *within)
    return np.asarray(p / p.sum(), dtype=np.float64)


def _wilson(share: ArrayLike, n: int) -> NDArray[np.float64]:
    """Return 95% intervals of shares (E. B. Wilson 1927)."""
    p, q = np.asarray(share, dtype=np.float64), NormalDist().inv_cdf(0.975) ** 2 / n
    middle, reach = p + q / 2.0, np.sqrt(q * (p * (1.0 - p) + q / 4.0))
    ends: NDArray[np.float64] = np.stack([middle - reach, middle + reach], axis=-1) / (1.0 + q)
    return ends
