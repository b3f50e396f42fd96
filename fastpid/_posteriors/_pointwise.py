"""The public pointwise_posteriors(): what every sample contributes to the atoms.

With samples as symbols the dual solution is a function lam[i, z] + mu[j, z] of a sample i of X, a
sample j of Y and a class. Where a sample was seen by both, with the class z_i, its share of the
union information is

    i_u = lam[i, z_i] + mu[i, z_i] - log p(z_i),

beside i(x; z) = log p(z_i | x_i) - log p(z_i) and so on: the atoms of the sample are differences of
these, as those of a cell are. Of clusters, lam of a sample is that of its cluster and half of
log p(z | x_i) - log p(z | cluster): all of it would make the mean the upper end of the bracket,
without it is the lower one (the loss is the mean of that difference), and a result's value is the
middle.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastpid._base.checks import check_positive_integer
from fastpid._base.quantities import Method, OnFailure, Terms, Unit
from fastpid._base.random import RNG, seed_sequence
from fastpid._posteriors._rake import rake
from fastpid._posteriors._read import read_pair, read_posteriors
from fastpid._posteriors._samples import PointwiseSamples
from fastpid._posteriors._source import Source
from fastpid._posteriors._symbols import choose_symbols
from fastpid._solve.options import check_options

Floats = NDArray[np.float64]
Labels = NDArray[np.intp]


def pointwise_posteriors(
    posteriors_x: ArrayLike,
    posteriors_y: ArrayLike,
    z: ArrayLike,
    *,
    posteriors_xy: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    p_z: ArrayLike | None = None,
    n_symbols: int | None = None,
    method: Method = "auto",
    tol: float = 1e-2,
    max_iter: int | None = None,
    unit: Unit = "bits",
    threads: int | None = None,
    rng: RNG = 0,
    on_failure: OnFailure = "warn",
) -> PointwiseSamples:
    """Decompose what two sources say about the class of every sample, from posteriors and labels.

    As :func:`fastpid.pointwise` for the cells of a table [1]_: the atoms of a sample are
    differences of its pointwise informations ``log(p(z | x) / p(z))`` and of its share of the union
    information, which the dual solution gives. Which samples are read from both sources at once,
    which mislead, and which take both together, can be seen from them.

    Parameters
    ----------
    posteriors_x, posteriors_y : array_like, shape (n, nz)
        Rows p(z | x) and p(z | y) of the same samples in the same order, as for
        :func:`fastpid.decompose_posteriors`. That they are in another order cannot be seen.
    z : array_like of int, shape (n,)
        The class of every sample, which numbers the columns of posteriors.
    posteriors_xy : array_like, shape (n, nz), optional
        Rows p(z | x, y), for the synergy; without them it is NaN.
    weights, p_z, n_symbols, method, tol, max_iter, threads, rng, on_failure
        As for :func:`fastpid.decompose_posteriors`.
    unit : {"bits", "nats"}
        Unit of every value in the result, and of `tol`.

    Returns
    -------
    PointwiseSamples

    Raises
    ------
    ValueError
        As for :func:`fastpid.decompose_posteriors`; for labels out of range, other numbers of
        samples, and posteriors that hold the class of a sample impossible.
    TypeError
        As there; for labels that are not whole numbers.

    Warns
    -----
    ConvergenceWarning
        If the gap stays above `tol`.

    Notes
    -----
    The averages are those of the labels that were seen, H(Z) less the cross-entropy for the mutual
    informations: the atoms for calibrated posteriors, up to the errors of a mean of n values. A
    difference of more than a few standard errors says that posteriors are not calibrated, as
    :func:`fastpid.models.estimate` does. Little is certain of a single sample: its weight is 1/n,
    and the certificate is one of averages. Averages over dozens of samples of a kind are meant to
    be looked at.

    References
    ----------
    .. [1] N. Bertschinger, J. Rauh, E. Olbrich, J. Jost, N. Ay, "Quantifying unique information",
       Entropy 16, 2014, doi:10.3390/e16042161.

    Examples
    --------
    >>> import fastpid, numpy as np
    >>> rng = np.random.default_rng(0)
    >>> x, y = rng.dirichlet([0.3, 0.3, 0.3], 500), rng.dirichlet([3, 3, 3], 500)
    >>> z = np.array([rng.choice(3, p=row) for row in x])
    >>> samples = fastpid.pointwise_posteriors(x, y, z)
    >>> samples.average("unique_x") > 0.3, samples.unique_x.shape
    (True, (500,))
    """
    options = check_options(method, tol, max_iter, unit, threads, False, on_failure)
    wanted = None if n_symbols is None else check_positive_integer("n_symbols", n_symbols)
    random = np.random.default_rng(seed_sequence(rng))
    sources, target = read_pair(posteriors_x, posteriors_y, weights, p_z)
    codes = _read_labels(z, *sources)
    both = None
    if posteriors_xy is not None:
        both = _read_both(posteriors_xy, sources[0], target)
    symbols = choose_symbols(sources, options.tol, wanted, random)
    solved = symbols.solve(options, potentials=True)
    details = symbols.details(sources, options.scale)
    potentials = (solved.lam.reshape(-1, len(target)), solved.mu.reshape(-1, len(target)))
    if symbols.centres is not None:
        solved.widen(symbols.bracket(solved.terms), options)
    solved.report("fastpid")
    decomposition = dataclasses.replace(solved.result(), details=details)

    surprise = -np.log(target)[codes]
    union = surprise.copy()
    for source, potential in zip(sources, potentials, strict=True):
        union += _shares(source, codes, potential, symbols.centres)
    mi_x, mi_y = (_log_of_class(source.name, source.rows, codes) + surprise for source in sources)
    joint = np.full(len(codes), np.nan)
    if both is not None:
        joint = _log_of_class("posteriors_xy", both, codes) + surprise
    return PointwiseSamples(
        z=codes,
        weights=sources[0].weights,
        decomposition=decomposition,
        _terms=Terms(mi_x, mi_y, joint, union, union),
    )


def _shares(source: Source, codes: Labels, potential: Floats, centres: Floats | None) -> Floats:
    """Return the potential of every sample at its class."""
    numbers, marginal = source.coded(centres)
    shares: Floats = potential[numbers, codes]
    if centres is not None:
        clusters = marginal / marginal.sum(axis=1, keepdims=True)
        own = _log_of_class(source.name, source.rows, codes)
        shares = shares + 0.5 * (own - np.log(clusters[numbers, codes]))
    return shares


def _log_of_class(name: str, rows: Floats, codes: Labels) -> Floats:
    """Return log p(z_i | sample i)."""
    of_class = rows[np.arange(len(rows)), codes]
    impossible = np.flatnonzero(of_class == 0.0)
    if impossible.size:
        raise ValueError(
            f"{name} holds the class of sample {impossible[0]} impossible, and of "
            f"{impossible.size} samples in all, so that they say minus infinity about it; pass "
            "posteriors that are calibrated"
        )
    logs: Floats = np.log(of_class)
    return logs


def _read_labels(z: Any, x: Source, y: Source) -> Labels:
    labels = np.asarray(z)
    n, classes = x.rows.shape
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise TypeError(
            "z must be integer labels of shape (n,), which number the columns of posteriors; got "
            f"dtype {labels.dtype} and shape {labels.shape}"
        )
    if not len(labels) == n == len(y.rows):
        raise ValueError(
            f"there are {len(labels)} labels z, {n} rows of posteriors_x and {len(y.rows)} of "
            "posteriors_y; pass the same samples, in the same order"
        )
    if labels.min() < 0 or labels.max() >= classes:
        raise ValueError(
            f"z has labels from {labels.min()} to {labels.max()}, and the posteriors have "
            f"{classes} columns; labels number the columns, from 0 to {classes - 1}"
        )
    return labels.astype(np.intp)


def _read_both(posteriors_xy: Any, x: Source, p_z: Floats) -> Floats:
    rows = read_posteriors("posteriors_xy", posteriors_xy)
    if rows.shape != x.rows.shape:
        raise ValueError(
            f"posteriors_xy has shape {rows.shape}, and posteriors_x has {x.rows.shape}; pass the "
            "same samples and classes"
        )
    return rake("posteriors_xy", rows, x.weights, p_z)
