"""screen_triples(): all triples of many columns, as three sources, against one or a few targets."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any, Literal, overload

import numpy as np

from fastpid._base.checks import check_choice
from fastpid._base.quantities import Method, OnFailure, Unit
from fastpid._base.random import RNG
from fastpid._solve.options import check_options
from fastpid.joint._many_columns import code_many
from fastpid.joint._missing import Missing
from fastpid.screening._plans import block_size, plan_sources
from fastpid.screening._run import Run, check_question
from fastpid.screening._source_triples import (
    ATOMS,
    RECORD,
    SourceTripleWork,
    check_triples,
)
from fastpid.screening._tests import TestPlan
from fastpid.screening._triple_screen import TripleScreen

ClosedTest = Literal["none", "g"]
#: Triples that are kept without being asked for, and those whose p-values are.
_MOST_KEPT, _MOST_TESTED = 10**6, 2 * 10**7


@overload
def screen_triples(
    X: Any,  # noqa: N803 - scikit-learn's name
    z: Any,
    *,
    triples: Any = ...,
    sources: Sequence[Any] | None = ...,
    top_k: int | None = ...,
    by: str = ...,
    bins: Any = ...,
    strategy: str = ...,
    names: Sequence[str] | None = ...,
    weights: Any = ...,
    missing: Missing = ...,
    test: ClosedTest = ...,
    method: Method = ...,
    tol: float = ...,
    max_iter: int | None = ...,
    unit: Unit = ...,
    threads: int | None = ...,
    n_jobs: int = ...,
    batch_size: int | Literal["auto"] = ...,
    checkpoint: str | os.PathLike[str] | None = ...,
    return_as: Literal["screen"] = ...,
    rng: RNG = ...,
    on_failure: OnFailure = ...,
    progress: bool | None = ...,
) -> TripleScreen: ...
@overload
def screen_triples(
    X: Any,  # noqa: N803 - scikit-learn's name
    z: Any,
    *,
    triples: Any = ...,
    sources: Sequence[Any] | None = ...,
    top_k: int | None = ...,
    by: str = ...,
    bins: Any = ...,
    strategy: str = ...,
    names: Sequence[str] | None = ...,
    weights: Any = ...,
    missing: Missing = ...,
    test: ClosedTest = ...,
    method: Method = ...,
    tol: float = ...,
    max_iter: int | None = ...,
    unit: Unit = ...,
    threads: int | None = ...,
    n_jobs: int = ...,
    batch_size: int | Literal["auto"] = ...,
    checkpoint: str | os.PathLike[str] | None = ...,
    return_as: Literal["generator"],
    rng: RNG = ...,
    on_failure: OnFailure = ...,
    progress: bool | None = ...,
) -> Iterator[TripleScreen]: ...
def screen_triples(
    X: Any,  # noqa: N803 - scikit-learn's name
    z: Any,
    *,
    triples: Any = None,
    sources: Sequence[Any] | None = None,
    top_k: int | None = None,
    by: str = "synergy",
    bins: Any = None,
    strategy: str = "quantile",
    names: Sequence[str] | None = None,
    weights: Any = None,
    missing: Missing = "raise",
    test: ClosedTest = "none",
    method: Method = "auto",
    tol: float = 1e-6,
    max_iter: int | None = None,
    unit: Unit = "bits",
    threads: int | None = None,
    n_jobs: int = 1,
    batch_size: int | Literal["auto"] = "auto",
    checkpoint: str | os.PathLike[str] | None = None,
    return_as: Literal["screen", "generator"] = "screen",
    rng: RNG = 0,
    on_failure: OnFailure = "warn",
    progress: bool | None = None,
) -> TripleScreen | Iterator[TripleScreen]:
    """Decompose what every triple of columns, as three sources, says about a target.

    As :func:`fastpid.screen` does of pairs; what a triple has is what
    :func:`fastpid.decompose_many` says of its table, with all subsets.

    Parameters
    ----------
    X, z
        The columns and the targets, as there.
    triples : array_like of int (n_triples, 3) or sequence of triples of names, optional
        Which triples; by default all of `sources`, in the order of the columns.
    sources : sequence of names or of int, optional
        Which columns form triples with one another; by default all.
    top_k : int, optional
        Keep only so many triples, those with the largest `by`, over all targets. Required for more
        than a million of them, unless they are taken by ``return_as="generator"``.
    by : str
        What triples are ranked by: a field of the records (:class:`TripleScreen`), such as
        "synergy", "redundancy", "union_information" or "corrected_synergy", or "unique" for the
        largest unique information.
    bins, strategy, names, weights, missing
        As there.
    test : {"none", "g"}
        How p-values come about: not at all, or by G-tests in closed form of the hypotheses that
        :func:`fastpid.estimate_many` shuffles for (``null="conditional"``). For the atom of a set B
        of sources: of x_i from z given x_j, for every i in B and every j that is not, or of x_i
        from z for all three; for the synergy: of the two others together from z given x_i, for
        every i. The largest p-value counts; NaN where fewer samples are expected in the cells than
        Cochran's rule asks for. They refute what an atom needs, not that it is zero: pass the best
        triples to :func:`fastpid.estimate_many`, on other samples, which tests the atoms
        themselves. `TripleScreen.adjusted` and `significant` adjust for the number of triples.
    method, tol, max_iter, unit
        As for :func:`fastpid.decompose_many`.
    threads, n_jobs, batch_size, checkpoint, return_as
        As for :func:`fastpid.screen`, of triples.
    rng : int, SeedSequence, Generator, BitGenerator or None
        Seed for ``strategy="kmeans"``.
    on_failure, progress
        As there.

    Returns
    -------
    TripleScreen, or iterator of TripleScreen

    Raises
    ------
    ValueError, TypeError
        As :func:`fastpid.screen` does; for more than a million triples that would all be kept, and
        more than twenty million whose p-values would be; for three columns whose table has more
        cells than are supported.
    OSError, ImportError, ConvergenceError, ScreenInterrupted
        As there.

    Warns
    -----
    ConvergenceWarning, UndersampledWarning, UserWarning
        As there. Triples want more samples than pairs, above all for their synergy.

    Examples
    --------
    >>> import fastpid, numpy as np
    >>> X = np.random.default_rng(0).integers(0, 2, (1000, 6))
    >>> z = X[:, 1] ^ X[:, 3] ^ X[:, 4]
    >>> found = fastpid.screening.screen_triples(X, z, names=list("abcdef"), top_k=1)
    >>> found.to_frame()[["x0", "x1", "x2"]].values.tolist()
    [['b', 'd', 'e']]
    """
    options = check_options(method, tol, max_iter, unit, threads, True, on_failure)
    check_question(by, return_as, top_k, RECORD, "triples")
    check_choice("test", test, ("none", "g"))
    coding: dict[str, Any] = {"names": names, "bins": bins, "strategy": strategy}
    coding.update(weights=weights, missing=missing, rng=rng)
    coded = code_many(X, z, **coding)
    coded.refuse_constant()
    tests = TestPlan.of(test, 0, coded.weights is not None, 0)
    plan = plan_sources(coded, triples, sources, 3)
    check_triples(coded, plan)
    if n_jobs != 1 and threads is None:
        options = options._replace(threads=1)
    quiet = options._replace(on_failure="ignore")
    work = SourceTripleWork(coded, coded.weights, plan, quiet, tests)
    if return_as != "generator":
        _refuse_many(work.total, top_k, tests.kind)
    empty = TripleScreen(
        *(np.zeros(0, RECORD), coded.names, coded.targets, options.unit, by, coded.n_dropped),
        test=tests.kind,
        n_screened=work.total,
    )
    running = Run(
        block_size=block_size(batch_size, coded, 3),
        n_jobs=n_jobs,
        top_k=top_k,
        checkpoint=checkpoint,
        on_failure=on_failure,
        progress=progress,
    )
    return running.generate(work, empty) if return_as == "generator" else running(work, empty)


def _refuse_many(count: int, top_k: int | None, test: str) -> None:
    if top_k is None and count > _MOST_KEPT:
        raise ValueError(
            f"there are {count} triples ({count * RECORD.itemsize / 2**30:.1f} GiB of records); "
            'keep the best by top_k, take them as they come by return_as="generator", or restrict '
            "sources"
        )
    if test != "none" and count > _MOST_TESTED:
        raise ValueError(
            f"there are {count} triples, whose p-values ({count * len(ATOMS) * 8 / 2**30:.1f} GiB) "
            "are all kept, as they have to be adjusted for one another; leave out test, take them "
            'as they come by return_as="generator" and adjust by "bonferroni", or restrict sources'
        )
