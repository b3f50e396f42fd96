"""The edges of bins: equal counts, equal widths, Bayesian blocks, k-means, or those given."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastpid._base.extras import import_extra
from fastpid._base.warn import stacklevel_outside
from fastpid.joint._columns import Column

STRATEGIES = ("quantile", "uniform", "kmeans", "bayesian_blocks")


class Interval(NamedTuple):
    """The values behind one symbol of a binned column: ``lo <= value < hi``.

    The last bin of a column also holds its right edge and prints as ``[lo, hi]``.
    """

    lo: float
    hi: float

    def __repr__(self) -> str:
        """Return the interval as it is written in mathematics."""
        lo, hi = f"{self.lo:.6g}", f"{self.hi:.6g}"
        if lo == hi:  # edges that six digits do not tell apart
            lo, hi = repr(self.lo), repr(self.hi)
        return f"[{lo}, {hi})"


class _LastInterval(Interval):
    def __repr__(self) -> str:
        return f"{super().__repr__()[:-1]}]"


def intervals(edges: NDArray[np.float64]) -> tuple[Interval, ...]:
    """Return the bins between edges."""
    pairs = list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))
    return (*(Interval(*pair) for pair in pairs[:-1]), _LastInterval(*pairs[-1]))


def make_edges(
    column: Column, values: NDArray[np.float64], count: int | None, strategy: str, seed: int
) -> NDArray[np.float64]:
    """Return the edges that a strategy finds, `count` + 1 of them where a strategy takes a count.

    Raises
    ------
    ValueError
        If the values are all the same, too few or too close for the bins asked for.
    ImportError
        If the strategy needs a package that is not installed.
    """
    distinct = np.unique(values)
    if distinct.size == 1:
        raise ValueError(
            f"{column} has one distinct value, {distinct[0]:g}, and cannot be binned; leave it "
            "out, or convert it to a string to keep it as a source of one symbol"
        )
    lo, hi = float(distinct[0]), float(distinct[-1])
    if not np.isfinite(hi - lo):
        raise ValueError(f"{column} spans {lo:g} to {hi:g}, beyond double precision; rescale it")
    if strategy == "bayesian_blocks":
        return _bayesian_blocks(column, values)
    assert count is not None
    if strategy == "uniform":
        edges = np.linspace(lo, hi, count + 1)
        if not np.all(np.diff(edges) > 0):
            raise ValueError(
                f"{column} spans {lo!r} to {hi!r}, too little for {count} uniform bins in double "
                "precision; subtract an offset, or ask for fewer bins"
            )
        return edges
    if count > distinct.size:
        raise ValueError(
            f"{column} has {distinct.size} distinct values, fewer than the {count} {strategy} bins "
            "asked for; ask for fewer bins, or keep it as categories: bin only the other columns, "
            "by name, and convert this one to integers or strings"
        )
    if strategy == "kmeans":
        return _kmeans_edges(values, count, seed)
    edges = quantile_edges(values, count)
    made = edges.size - 1
    if made < count:
        common, samples = np.unique(values, return_counts=True)
        mode, share = common[samples.argmax()], samples.max() / values.size
        cause = f"ties ({share:.0%} of the samples are {mode:g})"
        if made == 1:
            raise ValueError(
                f"{column} cannot be cut into {count} quantile bins: {cause} put all samples into "
                'one bin; pass explicit edges, or strategy="uniform"'
            )
        warnings.warn(
            f"{column} has {made} quantile bins, not the {count} asked for, because of {cause}; "
            'ask for fewer, pass explicit edges, or use strategy="uniform"',
            UserWarning,
            stacklevel=stacklevel_outside("fastpid"),
        )
    return edges


def _kmeans_edges(values: NDArray[np.float64], count: int, seed: int) -> NDArray[np.float64]:
    """Return the borders halfway between the centres of a one-dimensional k-means."""
    preprocessing = import_extra("sklearn.preprocessing", 'strategy="kmeans"')
    model = preprocessing.KBinsDiscretizer(
        count, encode="ordinal", strategy="kmeans", subsample=None, random_state=seed
    )
    model.fit(values.reshape(-1, 1))
    return np.asarray(model.bin_edges_[0], dtype=np.float64)


def _bayesian_blocks(column: Column, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the edges of the optimal piecewise constant density (Scargle et al. 2013)."""
    stats = import_extra("astropy.stats", 'strategy="bayesian_blocks"')
    edges = np.asarray(stats.bayesian_blocks(values), dtype=np.float64)
    if edges.size < 3:
        raise ValueError(
            f'{column} is one block to strategy="bayesian_blocks": its density is uniform as far '
            f"as {values.size} samples tell; ask for a number of bins instead"
        )
    # The outer edges come out of arithmetic and may lie a rounding error inside the data.
    edges[0], edges[-1] = min(edges[0], values.min()), max(edges[-1], values.max())
    return edges


def quantile_edges(values: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Return the edges of `count` quantile bins, fewer where ties leave some without a sample."""
    edges = np.unique(_quantiles(np.sort(values), count))
    # A quantile interpolated just below a tie leaves a bin without a sample: it joins its left one.
    occupied, _ = np.histogram(values, edges)
    return np.append(edges[:-1][occupied > 0], edges[-1])


def _quantiles(ordered: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Return the `count` + 1 equally spaced quantiles, interpolated linearly.

    The positions are exact rationals, so that a quantile that is a sample equals it. From the
    rounded 0.6 numpy.quantile can answer one unit above the sample, and it would change bins.
    """
    position, remainder = np.divmod(np.arange(count + 1) * (ordered.size - 1), count)
    below = ordered[position]
    above = ordered[np.minimum(position + 1, ordered.size - 1)]
    quantiles: NDArray[np.float64] = np.minimum(below + remainder / count * (above - below), above)
    return quantiles


def check_edges(argument: str, spec: Any) -> NDArray[np.float64]:
    """Return edges that were given: one-dimensional, two or more, strictly increasing."""
    try:
        edges = np.asarray(spec, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{argument} must be an int or an array of edges: {error}") from None
    if edges.ndim != 1 or edges.size < 2:
        raise ValueError(
            f"{argument} must be a one-dimensional array of two edges or more; "
            f"got shape {edges.shape}"
        )
    # written so that NaN fails it too
    rising = edges[:-1] < edges[1:]
    if not rising.all():
        where = int(np.flatnonzero(~rising)[0])
        raise ValueError(
            f"{argument} must increase strictly; got {edges[where]:g} and then "
            f"{edges[where + 1]:g} at index {where + 1}"
        )
    return edges


def bin_codes(
    column: Column, values: NDArray[np.float64], edges: NDArray[np.float64], outside: str
) -> NDArray[np.intp]:
    """Return the bin of every value; those outside the edges are refused, or go to the next bin."""
    beyond = (values < edges[0]) | (values > edges[-1])
    if outside == "error" and beyond.any():
        raise ValueError(
            f"{column} has {np.count_nonzero(beyond)} of {values.size} values outside the edges "
            f"[{edges[0]:g}, {edges[-1]:g}] ({column.rows.text(beyond)}, the first "
            f"{values[beyond][0]:g}); widen the edges (-inf and inf are allowed) or drop those "
            "samples"
        )
    # The last bin holds its right edge, too.
    codes = np.searchsorted(edges, values, side="right") - 1
    return np.clip(codes, 0, edges.size - 2)
