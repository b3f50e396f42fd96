"""screen(): all pairs of many columns against one or several targets, or all of them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any, Literal, overload

import numpy as np

from fastpid._base.checks import check_choice
from fastpid._base.quantities import Method, OnFailure, Unit
from fastpid._base.random import RNG
from fastpid._solve.options import check_options
from fastpid.joint._many_columns import code_all, code_many
from fastpid.joint._missing import Missing
from fastpid.screening._pairs import PairWork
from fastpid.screening._plans import block_size, plan_sources
from fastpid.screening._records import RECORD
from fastpid.screening._result import Screen
from fastpid.screening._run import Run, check_question
from fastpid.screening._tests import TestPlan
from fastpid.screening._triples import TripleWork

Test = Literal["none", "g", "permutation"]
#: Records of targets="all" that are kept without being asked for.
_MOST_KEPT = 10**6


@overload
def screen(
    X: Any,  # noqa: N803 - scikit-learn's name
    z: Any = ...,
    *,
    targets: Literal["all"] | None = ...,
    pairs: Any = ...,
    sources: Sequence[Any] | None = ...,
    top_k: int | None = ...,
    by: str = ...,
    bins: Any = ...,
    strategy: str = ...,
    names: Sequence[str] | None = ...,
    weights: Any = ...,
    missing: Missing = ...,
    test: Test = ...,
    n_permutations: int = ...,
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
) -> Screen: ...
@overload
def screen(
    X: Any,  # noqa: N803 - scikit-learn's name
    z: Any = ...,
    *,
    targets: Literal["all"] | None = ...,
    pairs: Any = ...,
    sources: Sequence[Any] | None = ...,
    top_k: int | None = ...,
    by: str = ...,
    bins: Any = ...,
    strategy: str = ...,
    names: Sequence[str] | None = ...,
    weights: Any = ...,
    missing: Missing = ...,
    test: Test = ...,
    n_permutations: int = ...,
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
) -> Iterator[Screen]: ...
def screen(
    X: Any,  # noqa: N803 - scikit-learn's name
    z: Any = None,
    *,
    targets: Literal["all"] | None = None,
    pairs: Any = None,
    sources: Sequence[Any] | None = None,
    top_k: int | None = None,
    by: str = "synergy",
    bins: Any = None,
    strategy: str = "quantile",
    names: Sequence[str] | None = None,
    weights: Any = None,
    missing: Missing = "raise",
    test: Test = "none",
    n_permutations: int = 500,
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
) -> Screen | Iterator[Screen]:
    """Decompose what every pair of columns says about a target, or about every other column.

    Parameters
    ----------
    X : frame, mapping, or array_like (n_samples, n_columns)
        The columns. What becomes of a column is said in :func:`fastpid.joint.from_samples`.
    z : array_like (n_samples,) or (n_samples, n_targets), or name or list of names of columns of X
        The targets; columns of X that are targets are not sources.
    targets : {"all"}, optional
        "all", instead of `z`, takes every column in turn as the target of all pairs of the others:
        of n columns n (n - 1) (n - 2) / 2 records, triple by triple (columns a < b < c: a and b
        about c, a and c about b, b and c about a). Above a million of them, `top_k` or
        ``return_as="generator"`` is required.
    pairs : array_like of int (n_pairs, 2) or sequence of pairs of names, optional
        Which pairs; by default all of `sources`, in the order of the columns. Not with `targets`.
    sources : sequence of names or of int, optional
        Which columns are paired with one another; by default all. With `targets`, the columns that
        are not among them are targets alone, and come last.
    top_k : int, optional
        Keep only so many pairs, those with the largest `by`, over all targets.
    by : str
        What pairs are ranked by: a field of the records, such as "synergy" or "mi_xy", or "unique"
        for the larger unique information.
    bins : int or mapping, optional
        How many bins numeric columns with more distinct values are cut into, or by the names of
        columns a number, edges or a Discretizer for each; whole numbers of a target are classes,
        and are cut by name alone (:func:`fastpid.joint.from_samples` has the rule). With `targets`,
        where columns are both, an int cuts whole numbers, such as counts, too: name the columns to
        cut if some are classes.
    strategy : {"quantile", "uniform", "kmeans", "bayesian_blocks"}
        How they are cut.
    names : sequence of str, optional
        Names of the columns of an array; by default "0", "1", and so on.
    weights : array_like (n_samples,), optional
        How much each sample counts.
    missing : {"raise", "drop", "category"}
        What to do about missing values: refuse them, drop the samples that miss any value of any
        column or target (``Screen.n_dropped`` says how many), or make them a symbol.
    test : {"none", "g", "permutation"}
        How p-values come about; adjust them for the number of pairs by :meth:`Screen.adjusted` and
        :meth:`Screen.significant`.

        * "none": there are none.
        * "g": by G-tests [1]_ in closed form: of y from z given x and of x from z given y for the
          synergy (the larger p-value: there is none if either holds), of the source from z given
          the other for its unique information, of either source from z for the redundancy. NaN
          where fewer samples are expected in the cells than Cochran's rule asks for [2]_. They
          refute what an atom needs, not that it is zero: two sources that say different things
          pass all of them without synergy or redundancy.
        * "permutation": the G-test dismisses pairs of a p-value above 0.2. The others, and those
          it is not valid for, are tested as :func:`fastpid.estimate` tests them under its
          conditional null hypothesis: the atoms themselves, against shuffled samples; redundancy
          and unique information by their errors, too. Of values that fewer than ten of the
          shuffled ones reach, the tail of a gamma distribution of the same mean and variance says
          how rare they are [3]_, but never less than a valid G-test does.
    n_permutations : int
        How many tables there are under each null hypothesis of a pair that is not dismissed; the
        first 100 of them dismiss pairs, too. 100 or more.
    method, tol, max_iter, unit
        As for :func:`fastpid.decompose`.
    threads : int, optional
        Threads of each process, by default those available, or 1 for each of several jobs.
    n_jobs : int
        1 works in this process, on `threads` threads. Anything else hands blocks of pairs to
        :class:`joblib.Parallel`, with one thread each: so many processes, or with -1 all; inside
        ``joblib.parallel_config("dask")`` (or ray) the workers of that cluster.
    batch_size : int or "auto"
        How many pairs are in a block: what is in memory, handed out and written at a time.
    checkpoint : path, optional
        Write every finished block to this file, and go on from it if it is there. Whether it
        belongs to the same data and options is checked, and one process at a time may use it.
    return_as : {"screen", "generator"}
        "generator" gives blocks as Screens as they are finished, in order, and keeps none.
    rng : int, SeedSequence, Generator, BitGenerator or None
        Seed for ``strategy="kmeans"``, and of the tests: every pair has a stream of its own, by its
        number. Continuing a checkpoint takes the same seed.
    on_failure : {"warn", "raise", "ignore"}
        What to do if some pair was not solved to `tol`: a :class:`ConvergenceWarning`, a
        :class:`ConvergenceError` that carries the Screen, or nothing.
    progress : bool, optional
        Show a progress bar; by default on a terminal, after a second.

    Returns
    -------
    Screen, or iterator of Screen

    Raises
    ------
    ValueError, TypeError
        As :func:`fastpid.joint.from_samples` does; for both `z` and `targets`, or neither; for more
        than a million records that would all be kept; for columns of one symbol; for unknown names
        (with the nearest one suggested), indices out of range, a pair of a column with itself; if
        the checkpoint belongs to another screen, or another process has it open.
    OSError
        If the checkpoint cannot be read or written; it names the file.
    ImportError
        If tests are asked for and scipy is not installed, or if `n_jobs` is not 1 and joblib is not
        (``pip install fastpid[estimate]``).
    ConvergenceError
        Under ``on_failure="raise"``, if some pair was not solved to `tol`.
    ScreenInterrupted
        On Ctrl-C, with what was finished; the checkpoint, if there is one, holds it as well.

    Warns
    -----
    ConvergenceWarning
        If some pair was not solved to `tol`; its bounds hold, and its `gap` says how far apart
        they are. (``method="proxy"`` asks for no more than the closed-form bracket.)
    UndersampledWarning
        If the samples are too few for some pair that is returned (:class:`fastpid.joint.Sampling`):
        chance is largest where there are fewest of them, and ranks high.
    UserWarning
        If the checkpoint is damaged; what stands behind the damage is computed again.

    References
    ----------
    .. [1] S. S. Wilks, "The large-sample distribution of the likelihood ratio for testing composite
       hypotheses", Annals of Mathematical Statistics 9, 1938.
    .. [2] W. G. Cochran, "Some methods for strengthening the common chi-square tests", Biometrics
       10, 1954.
    .. [3] A. M. Winkler, G. R. Ridgway, G. Douaud, T. E. Nichols, S. M. Smith, "Faster permutation
       inference in brain imaging", NeuroImage 141, 2016.

    Examples
    --------
    >>> import fastpid, numpy as np
    >>> X = np.random.default_rng(0).integers(0, 2, (500, 4))
    >>> found = fastpid.screen(X, X[:, 1] ^ X[:, 3], names=["a", "b", "c", "d"], top_k=1)
    >>> found.to_frame()[["x", "y"]].values.tolist()
    [['b', 'd']]

    Every column as the target of all pairs of the others:

    >>> X = np.column_stack([X[:, 0], X[:, 1], X[:, 0] ^ X[:, 1], X[:, 3]])
    >>> fastpid.screen(X, targets="all", names=list("abcd"), top_k=3).to_frame()["target"].tolist()
    ['c', 'b', 'a']
    """
    options = check_options(method, tol, max_iter, unit, threads, True, on_failure)
    check_question(by, return_as, top_k, RECORD)
    _check_targets(z, targets, pairs)
    coding: dict[str, Any] = {"names": names, "bins": bins, "strategy": strategy}
    coding.update(weights=weights, missing=missing, rng=rng)
    coded = code_many(X, z, **coding) if targets is None else code_all(X, **coding)
    coded.refuse_constant()
    if targets is not None and len(coded.names) < 3:
        raise ValueError(f'X has {len(coded.names)} columns; targets="all" needs three or more')
    tests = TestPlan.of(test, n_permutations, coded.weights is not None, rng)
    plan = plan_sources(coded, pairs, sources)
    size = block_size(batch_size, coded)
    if n_jobs != 1 and threads is None:
        options = options._replace(threads=1)
    kind = PairWork if targets is None else TripleWork
    work = kind(coded, coded.weights, plan, options._replace(on_failure="ignore"), tests)
    if targets is not None and top_k is None and return_as != "generator":
        _refuse_many(work.total)
    empty = Screen(
        *(np.zeros(0, RECORD), coded.names, coded.targets, options.unit, by, coded.n_dropped),
        test=tests.kind,
        n_screened=work.total,
    )
    running = Run(
        block_size=size,
        n_jobs=n_jobs,
        top_k=top_k,
        checkpoint=checkpoint,
        on_failure=on_failure,
        progress=progress,
    )
    return running.generate(work, empty) if return_as == "generator" else running(work, empty)


def _check_targets(z: Any, targets: Any, pairs: Any) -> None:
    if targets is not None:
        check_choice("targets", targets, ("all",))
    if z is not None and targets is not None:
        raise ValueError('pass z or targets="all", not both')
    if z is None and targets is None:
        raise ValueError(
            'there is no target: pass z, or targets="all" to take every column in turn'
        )
    if targets is not None and pairs is not None:
        raise ValueError(
            'pairs cannot be listed with targets="all"; restrict the columns by sources, or pass '
            "the targets as z"
        )


def _refuse_many(count: int) -> None:
    if count > _MOST_KEPT:
        size = count * RECORD.itemsize / 2**30
        raise ValueError(
            f'targets="all" gives {count} records here ({size:.1f} GiB); keep the best by top_k, '
            'take them as they come by return_as="generator", or restrict sources'
        )
