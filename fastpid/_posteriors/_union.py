"""The public union_posteriors(): any number of sources, from posteriors of samples."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import cast

import numpy as np
from numpy.typing import ArrayLike

from fastpid._base.checks import check_positive_integer
from fastpid._base.quantities import METHODS, Method, OnFailure, Unit
from fastpid._base.random import RNG, seed_sequence
from fastpid._many import UnionInformation, union_information
from fastpid._posteriors._read import read_sources
from fastpid._posteriors._source import Source
from fastpid._posteriors._symbols import LIMITS, Limits, Symbols, choose_symbols
from fastpid._solve.options import SolveOptions, check_options
from fastpid._solve.unions import report
from fastpid.result import Status

#: Cells of a problem whose size is not asked for: a second or so.
_CELLS = 20_000_000


def union_posteriors(
    posteriors: Sequence[ArrayLike],
    *,
    weights: ArrayLike | None = None,
    p_z: ArrayLike | None = None,
    n_symbols: int | None = None,
    method: Method = "auto",
    tol: float = 2e-2,
    max_iter: int | None = None,
    unit: Unit = "bits",
    threads: int | None = None,
    rng: RNG = 0,
    on_failure: OnFailure = "warn",
) -> UnionInformation:
    """Return what several sources say about a class without synergy, from posteriors of samples.

    As :func:`fastpid.decompose_posteriors` for two: samples, or clusters of them, are the symbols
    of :func:`fastpid.union_information`. What source i alone says is that of all less that of all
    but i.

    Parameters
    ----------
    posteriors : sequence of array_like, shapes (n_i, nz)
        Rows p(z | x_i) of samples of each source, two or more of them; each row sums to one.
    weights : array_like (n,), optional
        How much each sample counts, in all sources, which then have as many. By default all alike.
    p_z : array_like (nz,), optional
        The classes' probabilities, by default the mean of all posteriors, all sources counting
        alike. Posteriors are tilted to it.
    n_symbols : int, optional
        How many clusters of posteriors to make symbols of, one codebook for all sources. By default
        as few as `tol` allows, as far as all tuples of symbols can be visited: about 150 with three
        sources and 5 classes, 40 with four; for two classes, which have a closed form, every sample
        up to 2,000, or up to 3,500 clusters.
    method, max_iter, threads, on_failure
        As for :func:`fastpid.decompose`.
    tol : float
        The largest accepted gap, in `unit`, what clustering loses included.
    unit : {"bits", "nats"}
        Unit of every value in the result, and of `tol`.
    rng : int, SeedSequence, Generator, BitGenerator or None
        Seed of the clusters.

    Returns
    -------
    UnionInformation
        Its bracket contains the union information of all samples as symbols: that of clusters, and
        what each source loses by them on top. `mi` is that of all samples. `details` has `lost`, in
        `unit`, `n_symbols` and `raked`, tuples with an entry for each source. The coupling and the
        potentials are those of the symbols.

    Raises
    ------
    ValueError
        As for :func:`fastpid.decompose_posteriors`; for less than two sources, and too many tuples
        of symbols for ``n_symbols``.
    TypeError
        For tensors, and one array in the place of several.

    Warns
    -----
    ConvergenceWarning
        If the gap stays above `tol`.

    Examples
    --------
    >>> import fastpid, numpy as np
    >>> rng = np.random.default_rng(0)
    >>> x, y, w = (rng.dirichlet([a, a], 500) for a in (0.3, 1.0, 3.0))
    >>> all_three = fastpid.union_posteriors([x, y, w])
    >>> without_x = fastpid.union_posteriors([y, w])
    >>> all_three.value - without_x.value > 0.1
    True
    """
    options = check_options(method, tol, max_iter, unit, threads, False, on_failure)
    wanted = None if n_symbols is None else check_positive_integer("n_symbols", n_symbols)
    if isinstance(posteriors, np.ndarray):
        raise TypeError(
            f"posteriors must be a sequence of arrays (n_i, nz), one a source; got one of shape "
            f"{posteriors.shape}; pass list(posteriors) if its first axis is the sources"
        )
    named = {f"posteriors[{i}]": each for i, each in enumerate(posteriors)}
    if len(named) < 2:
        raise ValueError(f"posteriors holds {len(named)} source(s); pass two or more")
    sources, target = read_sources(named, weights, p_z)
    limits = limits_of(len(sources), len(target))
    random = np.random.default_rng(seed_sequence(rng))
    symbols = choose_symbols(sources, options.tol, wanted, random, limits)
    widened = solve_union(sources, symbols, options)
    report(
        np.array([widened._status], dtype=np.int32),
        np.array([widened.gap]),
        options,
        lambda _: f"the union information of {len(sources)} sources",
        lambda: widened,
    )
    return widened


def solve_union(
    sources: Sequence[Source], symbols: Symbols, options: SolveOptions
) -> UnionInformation:
    """Return the union information of all samples from that of their symbols, unreported."""
    scale = options.scale
    found = union_information(
        symbols.marginals,
        method=cast(Method, METHODS[options.method]),
        tol=symbols.tolerance(options.tol) * scale,
        max_iter=options.max_iter or None,
        unit=options.result_unit,
        threads=options.threads or None,
        on_failure="ignore",
    )
    full = np.array(symbols.full) * scale
    lost = [each * scale for each in symbols.lost]
    lower = max(found.lower, float(full.max()))
    upper = max(min(found.upper + sum(lost), float(full.sum())), lower)
    status = found._status
    if upper - lower <= options.tol * scale:
        status = Status.CONVERGED.code
    elif status == Status.CONVERGED.code:
        status = Status.STALLED.code
    return dataclasses.replace(
        found,
        mi=full,
        lower=lower,
        upper=upper,
        _status=status,
        details={
            "lost": tuple(lost),
            "n_symbols": tuple(len(m) for m in symbols.marginals),
            "raked": tuple(source.distance for source in sources),
        },
    )


def limits_of(sources: int, classes: int, cells: int = _CELLS) -> Limits:
    """Return how many symbols there may be, so that tuples of them have so many cells."""
    if sources == 2 or classes == 2:
        return LIMITS
    most = max(int((cells / classes) ** (1.0 / sources)), 2)
    return Limits(most, min(20, most), most)
