"""screen(): all pairs of Gaussian channels against a target vector."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, overload

import numpy as np

from fastpid._base.checks import check_bool
from fastpid._base.quantities import OnFailure, Unit
from fastpid._base.random import RNG
from fastpid._solve.options import check_options
from fastpid.gaussian._channels import read_channels
from fastpid.gaussian._pairs import RECORD, GaussianPairs
from fastpid.screening import Screen
from fastpid.screening._plans import choose_sources
from fastpid.screening._run import Run, check_question
from fastpid.screening._tests import TestPlan

Test = Literal["none", "f", "permutation"]


@overload
def screen(
    X: Any,
    z: Any,
    *,
    channels: Mapping[str, Sequence[Any]] | None = ...,
    pairs: Any = ...,
    sources: Sequence[Any] | None = ...,
    top_k: int | None = ...,
    by: str = ...,
    names: Sequence[str] | None = ...,
    copula: bool = ...,
    test: Test = ...,
    n_permutations: int = ...,
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
    X: Any,
    z: Any,
    *,
    channels: Mapping[str, Sequence[Any]] | None = ...,
    pairs: Any = ...,
    sources: Sequence[Any] | None = ...,
    top_k: int | None = ...,
    by: str = ...,
    names: Sequence[str] | None = ...,
    copula: bool = ...,
    test: Test = ...,
    n_permutations: int = ...,
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
    X: Any,
    z: Any,
    *,
    channels: Mapping[str, Sequence[Any]] | None = None,
    pairs: Any = None,
    sources: Sequence[Any] | None = None,
    top_k: int | None = None,
    by: str = "synergy",
    names: Sequence[str] | None = None,
    copula: bool = False,
    test: Test = "none",
    n_permutations: int = 500,
    tol: float = 1e-9,
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
    """Decompose what every pair of Gaussian channels says about a target vector.

    One covariance of all columns is taken, and its part for every pair decomposed, as
    :func:`fastpid.gaussian.decompose` does it. The time hardly depends on the number of samples.

    Parameters
    ----------
    X : frame, mapping, or array_like (n_samples, n_columns)
        The columns, numbers.
    z : array_like (n_samples,) or (n_samples, d), or name or list of names of columns of X
        The target: all of its columns together (:func:`fastpid.screen` takes several columns for
        several targets). Columns of X that belong to it are no sources.
    channels : mapping of str to sequence of names or of int, optional
        What is paired: by the name of a channel its columns, one or several. By default every
        column is a channel.
    pairs : array_like of int (n_pairs, 2) or sequence of pairs of names, optional
        Which pairs of channels; by default all of `sources`, in their order.
    sources : sequence of names or of int, optional
        Which channels are paired with one another; by default all.
    top_k, by
        As for :func:`fastpid.screen`.
    names : sequence of str, optional
        Names of the columns of an array; by default "0", "1", and so on.
    copula : bool
        Take normal quantiles of the ranks of each column, as :func:`fastpid.gaussian.estimate`
        does. Tests in closed form are then approximate.
    test : {"none", "f", "permutation"}
        How p-values come about, of samples that are independent; adjust them for the number of
        pairs by :meth:`Screen.adjusted` and :meth:`Screen.significant`.

        * "none": there are none.
        * "f": by the likelihood ratio of regressions (Wilks' lambda) in closed form, which is exact
          for Gaussian samples if a channel or the target has one or two columns, and otherwise very
          close [1]_. For the synergy, that x says nothing of z beyond y, and that y says nothing
          beyond x (the larger p-value: there is none if either holds); for unique information, the
          one about this source; for redundancy, that x says nothing of z, and that y does not. They
          refute what an atom needs, not that it is zero: two channels that say different things
          pass all of them without synergy or redundancy.
        * "permutation": those dismiss pairs of a p-value above 0.2. The others are tested as
          :func:`fastpid.gaussian.estimate` tests them: the atoms themselves, against samples in
          which residuals have changed places; redundancy and unique information by their errors,
          too. Of values that fewer than ten of these reach, the tail of a gamma distribution of the
          same mean and variance says how rare they are [2]_, but never less than "f" does.
    n_permutations : int
        How many sets of samples there are under each null hypothesis of a pair that is not
        dismissed; 100 or more.
    tol, max_iter, unit
        As for :func:`fastpid.gaussian.decompose`.
    threads, n_jobs, batch_size, checkpoint, return_as, rng, on_failure, progress
        As for :func:`fastpid.screen`.

    Returns
    -------
    Screen, or iterator of Screen
        With `samples_per_column` in the records, which are enough from 20 on (`is_sufficient`).
        `corrected_` atoms have mutual informations without their bias, which is known for
        independent Gaussian samples, and a union information that keeps its relative place between
        its bounds. It is the values themselves that are ranked, unless `by` says otherwise.

    Raises
    ------
    ValueError, TypeError
        For values that are no numbers or not finite, a constant column, columns of one channel or
        of the target that determine another; for too few samples (2 k + 8 for pairs that have k
        columns with the target); for a pair that determines a combination of the target, about
        which it has infinite information: its channels are named; for unknown names and whatever
        else :func:`fastpid.screen` refuses.
    OSError, ImportError, ConvergenceError, ScreenInterrupted
        As :func:`fastpid.screen` does.

    Warns
    -----
    UserWarning
        For a column of at most twenty different integers, for which :func:`fastpid.screen` is made;
        if the checkpoint is damaged.
    UndersampledWarning
        If there are fewer than twenty samples for each column of some pair that is returned.
    ConvergenceWarning
        If some pair was not solved to `tol`; its bounds hold.

    References
    ----------
    .. [1] C. R. Rao, "An asymptotic expansion of the distribution of Wilks' criterion", Bulletin of
       the International Statistical Institute 33, 1951.
    .. [2] A. M. Winkler, G. R. Ridgway, G. Douaud, T. E. Nichols, S. M. Smith, "Faster permutation
       inference in brain imaging", NeuroImage 141, 2016.

    Examples
    --------
    >>> import fastpid, numpy as np
    >>> X = np.random.default_rng(0).normal(size=(500, 6))
    >>> z = np.column_stack([X[:, 1] + X[:, 3], X[:, 3]]) + X[:, 4:]
    >>> found = fastpid.gaussian.screen(X[:, :4], z, names=list("abcd"), test="f")
    >>> found.significant(0.05).to_frame()[["x", "y"]].values.tolist()
    [['b', 'd']]
    """
    options = check_options("auto", tol, max_iter, unit, threads, False, on_failure)
    check_question(by, return_as, top_k, RECORD)
    read = read_channels(X, z, names, channels, check_bool("copula", copula))
    tests = TestPlan.of(test, n_permutations, False, rng, "f")
    plan = choose_sources(read.names, pairs, sources)
    if n_jobs != 1 and threads is None:
        options = options._replace(threads=1)
    work = GaussianPairs(read, plan, options._replace(on_failure="ignore"), tests)
    empty = Screen(
        *(np.zeros(0, RECORD), read.names, (read.target,), options.unit, by),
        test=tests.kind,
        n_screened=work.total,
    )
    running = Run(
        block_size=work.block_size(batch_size),
        n_jobs=n_jobs,
        top_k=top_k,
        checkpoint=checkpoint,
        on_failure=on_failure,
        progress=progress,
    )
    return running.generate(work, empty) if return_as == "generator" else running(work, empty)
