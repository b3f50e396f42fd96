"""The public from_posteriors(): posteriors or logits of models that are trained already."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid._base.checks import check_bool, check_rows
from fastpid._base.progress import progress_bar
from fastpid._base.quantities import Unit
from fastpid._base.random import RNG, seed_sequence
from fastpid.joint._predictions import check_matrix, softmax
from fastpid.models._assembly import assemble, steps
from fastpid.models._calibration import calibrate
from fastpid.models._cross_fit import Posteriors, make_folds
from fastpid.models._estimate import Bias, Calibration, number
from fastpid.models._read import Target, check_lengths, read_groups
from fastpid.models._result import ModelEstimate
from fastpid.models._wanted import check_wanted

Floats = NDArray[np.float64]


def from_posteriors(
    posteriors_x: Any,
    posteriors_y: Any,
    posteriors_xy: Any,
    z: Any,
    *,
    logits: bool = False,
    cv: Any = 5,
    groups: Any = None,
    calibration: Calibration = "temperature",
    n_symbols: int | None = None,
    bias: Bias = "extrapolation",
    n_bootstrap: int = 100,
    n_permutations: int = 199,
    confidence_level: float = 0.95,
    tol: float = 2e-2,
    unit: Unit = "bits",
    threads: int | None = None,
    rng: RNG = None,
    progress: bool | None = None,
) -> ModelEstimate:
    """Estimate from the posteriors or logits of three trained models, and labels.

    As :func:`estimate` does from features: for heads of language models, CLIP, frozen encoders.
    Without a model of both, :func:`fastpid.decompose_posteriors` gives everything but the synergy.

    Parameters
    ----------
    posteriors_x, posteriors_y, posteriors_xy : array_like, shape (n, nz)
        Rows p(z | x), p(z | y) and p(z | x, y) of the same samples in the same order, which no
        model was fitted to. That they are of training data, or in another order, cannot be seen
        from them alone; with ``calibration="none"`` the labels may contradict them.
    z : array_like of int, shape (n,)
        Labels in [0, nz), each of which some sample has.
    logits : bool
        They are logits, of which the softmax is taken.
    cv, groups
        The folds of the calibration, as for :func:`estimate`.
    calibration, n_symbols, bias, n_bootstrap, n_permutations, confidence_level
        As there.
    tol, unit, threads, rng, progress
        As there.

    Returns
    -------
    ModelEstimate

    Raises
    ------
    ValueError
        For rows that do not sum to one, logits without ``logits=True``, labels out of range,
        classes without samples, other numbers of samples or classes, posteriors that hold the class
        of a sample impossible (with ``calibration="none"``) or whose mean is far from the classes'
        frequencies.
    TypeError
        For labels that are not whole numbers.

    Warns
    -----
    CalibrationWarning
        If posteriors claim another information than labels confirm.

    Examples
    --------
    >>> import fastpid, numpy as np
    >>> rng = np.random.default_rng(0)
    >>> z = rng.integers(0, 3, 900)
    >>> x, y = 2.0 * np.eye(3)[z] + rng.normal(size=(2, 900, 3))
    >>> e = fastpid.models.from_posteriors(x, y, x + y, z, logits=True, rng=0)
    >>> e.redundancy > 0.2, e.used["mi_xy"]
    (True, 'posteriors')
    """
    wanted = check_wanted(
        *(calibration, bias, n_symbols, n_bootstrap, n_permutations, confidence_level),
        *(tol, unit, threads),
    )
    check_bool("logits", logits)
    given = {"x": posteriors_x, "y": posteriors_y, "xy": posteriors_xy}
    rows = Posteriors(**{k: read_rows(f"posteriors_{k}", v, logits) for k, v in given.items()})
    target = read_labels(z, {f"posteriors_{k}": each for k, each in rows._asdict().items()})
    numbered = read_groups(groups, len(target.codes))
    seed = seed_sequence(rng)
    folds = make_folds(cv, target, numbered, number(seed))
    calibrated = Posteriors(
        *(calibrate(calibration, r, target.codes, folds, target.frequencies) for r in rows)
    )
    with progress_bar(progress, steps(wanted, numbered), "resampling", "steps") as advance:
        return assemble([(calibrated, folds)], target, numbered, (), wanted, seed, advance)


def read_rows(name: str, values: Any, logits: bool) -> Floats:
    """Return posteriors, of logits their softmax."""
    matrix = check_matrix(name, values)
    if logits:
        return softmax(name, matrix)
    check_rows(name, matrix, "or logits with logits=True", getattr(values, "dtype", None))
    return np.asarray(matrix / matrix.sum(axis=1, keepdims=True))  # off by rounding


def read_labels(z: Any, named: Mapping[str, Floats]) -> Target:
    """Return the labels, which number the columns of posteriors, by what errors call these."""
    labels = np.asarray(z)
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise TypeError(
            "z must be integer labels of shape (n,), which number the columns of posteriors; got "
            f"dtype {labels.dtype} and shape {labels.shape}"
        )
    check_lengths(len(labels), "z", **named)
    first = next(iter(named))
    classes = named[first].shape[1]
    for name, each in named.items():
        if each.shape[1] != classes:
            raise ValueError(
                f"{name} has {each.shape[1]} classes, and {first} has {classes}; all must be "
                "posteriors of the same target"
            )
    if labels.min() < 0 or labels.max() >= classes:
        raise ValueError(
            f"z has labels from {labels.min()} to {labels.max()} for {classes} columns of "
            "posteriors; labels count from 0"
        )
    counts = np.bincount(labels, minlength=classes)
    if classes < 2 or not counts.all():
        raise ValueError(
            f"class {int(counts.argmin())} has a column of posteriors and {counts.min()} samples "
            f"in z, which has {np.count_nonzero(counts)} of {classes} classes; leave the columns "
            "of others out and divide rows by their sums, and pass two classes or more"
        )
    return Target(labels.astype(np.intp), tuple(range(classes)))
