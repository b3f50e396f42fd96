"""network(): which columns are linked, from the unique information in all their triples."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fastpid._base.checks import check_choice
from fastpid._base.extras import import_extra
from fastpid._base.progress import progress_bar
from fastpid._base.quantities import Method, OnFailure, Unit
from fastpid._base.random import RNG
from fastpid._solve.options import check_options
from fastpid.joint._many_columns import code_all
from fastpid.joint._missing import Missing
from fastpid.screening._blocks import computed
from fastpid.screening._checkpoint import Checkpoint
from fastpid.screening._context import CONTEXTS
from fastpid.screening._network_result import Network
from fastpid.screening._unique_shares import MEASURES, ShareWork
from fastpid.screening._unsolved import report_unsolved


def network(
    X: Any,  # noqa: N803 - scikit-learn's name
    *,
    measure: Literal["broja", "i_min"] = "broja",
    context: Literal["gamma", "empirical"] = "gamma",
    bins: Any = None,
    strategy: str = "quantile",
    names: Sequence[str] | None = None,
    weights: Any = None,
    missing: Missing = "raise",
    method: Method = "auto",
    tol: float = 1e-3,
    max_iter: int | None = None,
    unit: Unit = "bits",
    threads: int | None = None,
    n_jobs: int = 1,
    checkpoint: str | os.PathLike[str] | None = None,
    rng: RNG = 0,
    on_failure: OnFailure = "warn",
    progress: bool | None = None,
) -> Network:
    """Infer which columns, such as genes, are linked: PIDC with certified unique information.

    The score of two columns X and Z is their proportional unique contribution [1]_, over all third
    columns Y::

        u(X, Z) = sum over Y of Unq_Z(X; Y) / I(X; Z) + Unq_X(Z; Y) / I(X; Z)

    where Unq_Z(X; Y) is what X alone says about the target Z, beside Y. A third column through
    which X and Z are linked leaves little that is unique; a direct link leaves much beside all of
    them. The confidence of a link is F_X(u) + F_Z(u), where F_X is the cumulative distribution of
    all the scores of X: columns differ in how large their scores are. In [1]_ unique information is
    by Williams and Beer's I_min, which takes any two sources that say equally much of an outcome
    for redundant; here it is by BROJA, unless told otherwise. Of few samples in many bins I_min is
    the more robust: noise is unique to every column.

    All (n - 1) (n - 2) / 2 pairs of sources of every target are solved, in memory that grows with
    the square of n. The time does not depend on the number of samples: unique information depends
    on pairs of columns alone. It grows with the cube of n.

    Parameters
    ----------
    X : frame, mapping, array_like, sparse matrix or AnnData (n_samples, n_columns)
        The columns, each of which is a source and a target. What becomes of a column is said in
        :func:`fastpid.joint.from_samples`.
    measure : {"broja", "i_min"}
        What unique information is.
    context : {"gamma", "empirical"}
        Which cumulative distribution of the scores of a column: the gamma distribution of their
        mean and variance, as in [1]_, or the share of them that are no larger. The latter cannot
        tell by how much the largest stands out, and recovers simulated networks less well.
    bins : int or mapping, optional
        How many bins numeric columns with more distinct values are cut into, whole numbers as well
        as others: counts of spikes or of molecules are cut, too. By the names of columns a number,
        edges or a Discretizer for each; a column that the mapping does not name is not cut.
    strategy, names, weights, missing
        As for :func:`fastpid.screen`.
    method, max_iter, unit
        As for :func:`fastpid.decompose`.
    tol : float
        The largest accepted gap of a union information, in `unit`. What it leaves open of a score
        is in ``Network.errors``.
    threads : int, optional
        Threads of each process, by default those available, or 1 for each of several jobs.
    n_jobs : int
        1 works in this process, on `threads` threads. Anything else hands targets to
        :class:`joblib.Parallel`, with one thread each: so many processes, or with -1 all; inside
        ``joblib.parallel_config("dask")`` (or ray) the workers of that cluster.
    checkpoint : path, optional
        Write every finished target to this file, and go on from it if it is there. Whether it
        belongs to the same data and options is checked, and one process at a time may use it.
    rng : int, SeedSequence, Generator, BitGenerator or None
        Seed for ``strategy="kmeans"``.
    on_failure : {"warn", "raise", "ignore"}
        What to do if some table was not solved to `tol`: a :class:`ConvergenceWarning`, a
        :class:`ConvergenceError` that carries the Network, or nothing.
    progress : bool, optional
        Show a progress bar; by default on a terminal, after a second.

    Returns
    -------
    Network

    Raises
    ------
    ValueError, TypeError
        As :func:`fastpid.screen` does; for fewer than three columns.
    OSError
        If the checkpoint cannot be read or written; it names the file.
    ImportError
        If scipy is not installed, for the gamma context, or if `n_jobs` is not 1 and joblib is not
        (``pip install fastpid[estimate]``).
    ConvergenceError
        Under ``on_failure="raise"``, if some table was not solved to `tol`.

    Warns
    -----
    ConvergenceWarning
        If some table was not solved to `tol`; ``Network.errors`` holds what that leaves open.
        (``method="proxy"`` asks for no more than the closed-form bracket.)
    UserWarning
        If the checkpoint is damaged; what stands behind the damage is computed again.

    References
    ----------
    .. [1] T. E. Chan, M. P. H. Stumpf, A. C. Babtie, "Gene regulatory network inference from
       single-cell data using multivariate information measures", Cell Systems 5, 2017,
       doi:10.1016/j.cels.2017.08.014.

    Examples
    --------
    >>> import fastpid, numpy as np
    >>> rng = np.random.default_rng(0)
    >>> a = rng.normal(size=2000)  # a chain: a, b, c
    >>> b = a + 0.5 * rng.normal(size=2000)
    >>> c = b + 0.5 * rng.normal(size=2000)
    >>> genes = {"a": a, "b": b, "c": c, "d": rng.normal(size=2000)}
    >>> found = fastpid.screening.network(genes, bins=4)
    >>> sorted(edge[:2] for edge in found.top(2))
    [('a', 'b'), ('b', 'c')]
    """
    check_choice("measure", measure, MEASURES)
    if check_choice("context", context, CONTEXTS) == "gamma":
        import_extra("scipy.special", 'context="gamma"')  # now, and not when all is solved
    options = check_options(method, tol, max_iter, unit, threads, False, on_failure)
    coded = code_all(
        X, names=names, bins=bins, strategy=strategy, weights=weights, missing=missing, rng=rng
    )
    coded.refuse_constant()
    if len(coded.names) < 3:
        raise ValueError(f"X has {len(coded.names)} columns; a network needs three or more")
    if n_jobs != 1 and threads is None:
        options = options._replace(threads=1)
    work = ShareWork(coded, measure, options._replace(on_failure="ignore"))
    work.check_sizes()
    n = work.total
    scores, errors, mi = np.zeros((3, n, n))
    gap = 0.0
    for record in _records(work, n_jobs, checkpoint, progress):
        z = int(record["target"])
        # Row z: what the others say about z. A score adds what z says about them.
        for matrix, name in ((scores, "shares"), (errors, "errors")):
            matrix[z] += record[name]
            matrix[:, z] += record[name]
        mi[z] = record["mi"] * options.scale
        gap = max(gap, float(record["gap"]) * options.scale)
    # From either side the same, but for the order of a sum.
    mi = 0.5 * (mi + mi.T)
    for matrix in (scores, errors, mi):
        np.fill_diagonal(matrix, np.nan)
    sizes = coded.n_samples, coded.n_dropped
    found = Network(scores, errors, mi, coded.names, measure, context, options.unit, gap, *sizes)
    remains = "errors of the Network says what that leaves open of every score"
    report_unsolved("tables", gap, remains, options, on_failure, found)
    return found


def _records(
    work: ShareWork,
    n_jobs: int,
    checkpoint: str | os.PathLike[str] | None,
    progress: bool | None,
) -> Iterator[NDArray[Any]]:
    """Yield the record of every target: what the checkpoint has, then what is computed."""
    tables = (work.total - 1) * (work.total - 2) // 2
    with contextlib.ExitStack() as held:
        file = None
        if checkpoint is not None:
            file = held.enter_context(Checkpoint(checkpoint, work, "targets"))
        bar = progress_bar(progress, work.total * tables, "network", "tables")
        advance = held.enter_context(bar)
        if file is not None:
            for records in file.read():
                advance(len(records) * tables)
                yield from records
        finished = 0 if file is None else file.finished
        left = [(target, target + 1) for target in range(finished, work.total)]
        for records in computed(work, left, n_jobs):
            if file is not None:
                file.append(records)
            advance(tables)
            yield from records
