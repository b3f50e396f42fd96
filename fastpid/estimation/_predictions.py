"""estimate_predictions(): from two classifiers' probabilities and labels to certain atoms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastpid._base.quantities import Method, OnFailure, Unit
from fastpid._base.random import RNG
from fastpid._solve.options import check_options
from fastpid.estimation._assembly import resample_and_estimate
from fastpid.estimation._prediction_samples import PredictionSamples
from fastpid.estimation._result import Estimate
from fastpid.estimation._wanted import DEFAULT_TOL, Bias, Interval, Null, check_wanted
from fastpid.joint import PredictionTable
from fastpid.joint._frames import check_names
from fastpid.joint._predictions import read_predictions


def estimate_predictions(
    probs_x: Any,
    probs_y: Any,
    z: Any,
    *,
    num_classes: int | None = None,
    names: Sequence[str] | None = None,
    weights: Any = None,
    mask: Any = None,
    logits: bool = False,
    bias: Bias = "qe",
    ci: Interval = "normal",
    confidence_level: float = 0.95,
    n_bootstrap: int = 200,
    n_permutations: int = 200,
    null: Null = "conditional",
    method: Method = "auto",
    tol: float | None = None,
    max_iter: int | None = None,
    unit: Unit = "bits",
    threads: int | None = None,
    rng: RNG = None,
    on_failure: OnFailure = "warn",
    progress: bool | None = None,
) -> Estimate:
    """Estimate what two classifiers' predictions say about the label, with uncertainty and tests.

    As :func:`estimate` does from symbols: a sample's symbols x and y are drawn from its two
    predictions, independently (:func:`fastpid.joint.from_predictions`). Use samples that the
    classifiers were not trained on.

    Parameters
    ----------
    probs_x, probs_y : array_like, shape (n, nx) and (n, ny)
        Probabilities of n samples, each row summing to one, or with ``logits=True`` logits.
    z : array_like of int, shape (n,)
        Labels in [0, num_classes).
    num_classes, weights, mask, logits
        As for :func:`fastpid.joint.from_predictions`.
    names : sequence of three str, optional
        What the two sources and the target are called.
    bias, ci, confidence_level, n_bootstrap
        As for :func:`estimate`, except "chao_shen", which counts samples. "miller_madow" counts the
        cells that unsure predictions are worth.
    n_permutations
        As there.
    null : {"conditional", "target"}
        As there. Samples alike in a prediction, among which the other one is shuffled, are those of
        the same most likely symbol, some 16 at a time in the order of its probability.
    method, tol, max_iter, unit, threads, rng, on_failure, progress
        As there.

    Returns
    -------
    Estimate
        Its `table` is a :class:`fastpid.joint.PredictionTable`.

    Raises
    ------
    ValueError, TypeError
        As :func:`fastpid.joint.from_predictions` and :func:`estimate`; for soft labels; if all
        labels are the same.
    ConvergenceError
        Under ``on_failure="raise"``, if some table was not solved to `tol`.

    Warns
    -----
    ConvergenceWarning, UndersampledWarning
        As :func:`estimate`.

    Examples
    --------
    >>> import fastpid, numpy as np
    >>> rng = np.random.default_rng(0)
    >>> z = rng.integers(0, 3, 400)
    >>> able = 3.0 * np.eye(3)[z] + rng.normal(size=(400, 3))
    >>> unable = rng.normal(size=(400, 3))
    >>> e = fastpid.estimate_predictions(able, unable, z, logits=True, rng=0)
    >>> e.p_values["unique_x"] < 0.01 < e.p_values["unique_y"]
    True
    """
    options = check_options(
        method, DEFAULT_TOL if tol is None else tol, max_iter, unit, threads, True, on_failure
    )
    wanted = check_wanted(bias, ci, confidence_level, n_bootstrap, n_permutations, null, tol)
    if bias == "chao_shen":
        raise ValueError('bias="chao_shen" counts samples in cells; predictions are in all of them')
    given = read_predictions(
        probs_x, probs_y, z, num_classes=num_classes, weights=weights, mask=mask, logits=logits
    )
    if given.labels.ndim != 1:
        raise ValueError("z must be integer labels of shape (n,); soft ones cannot be resampled")
    if len(np.unique(given.labels)) == 1:
        raise ValueError(
            f"z has one label in {len(given.labels)} samples, so that nothing can be said about it"
        )
    samples = PredictionSamples(
        given.x, given.y, given.labels.astype(np.int64), given.classes, given.weights
    )
    return resample_and_estimate(
        prediction_table(samples, names), samples, options, wanted, rng, progress
    )


def prediction_table(samples: PredictionSamples, names: Sequence[str] | None) -> PredictionTable:
    """Return the table of predictions, and how well it is sampled."""
    mass, squares = samples.mass.reshape(samples.shape), samples.squares
    p = mass / mass.sum()
    contributing = np.divide(mass**2, squares, out=np.zeros_like(mass), where=squares > 0.0)
    for array in (p, contributing):
        array.flags.writeable = False
    nx, ny, nz = (tuple(range(n)) for n in samples.shape)
    called = ("x", "y", "z") if names is None else check_names(names, ())
    return PredictionTable(
        p=p,
        labels=(nx, ny, nz),
        names=(called[0], called[1], called[2]),
        n_contributing=contributing,
        n_samples=samples.n_samples,
        n_effective=samples.n_effective,
        n_cells=samples.occupancy(p).xyz,
    )
