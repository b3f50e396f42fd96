"""The public from_many_posteriors(): posteriors or logits of any number of trained models."""

from __future__ import annotations

from typing import Any

from fastpid._base.checks import check_bool
from fastpid._base.progress import progress_bar
from fastpid._base.quantities import Unit
from fastpid._base.random import RNG, seed_sequence
from fastpid.estimation._estimate_many import Subsets
from fastpid.models._calibration import calibrate
from fastpid.models._cross_fit import make_folds
from fastpid.models._estimate import Bias, Calibration, number
from fastpid.models._estimate_many import check_subsets, read_names
from fastpid.models._from_posteriors import read_labels, read_rows
from fastpid.models._many_assembly import assemble_many, steps_of_many
from fastpid.models._many_result import ManyModelEstimate
from fastpid.models._read import read_groups
from fastpid.models._wanted import check_wanted


def from_many_posteriors(
    posteriors: Any,
    posteriors_joint: Any,
    z: Any,
    *,
    logits: bool = False,
    subsets: Subsets = "leave_one_out",
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
) -> ManyModelEstimate:
    """Estimate from the posteriors or logits of any number of trained models, and labels.

    As :func:`estimate_many` does from features, and :func:`from_posteriors` from those of two
    sources. Without a model of all, :func:`fastpid.union_posteriors` gives everything but the
    synergy.

    Parameters
    ----------
    posteriors : sequence of array_like, shape (n, nz) each, or mapping of names to them
        Rows p(z | x_i) of the same samples in the same order, of two sources or more, which no
        model was fitted to.
    posteriors_joint : array_like, shape (n, nz)
        Rows p(z | x_1, ..., x_M).
    z, logits
        As for :func:`from_posteriors`.
    subsets, n_symbols
        As for :func:`estimate_many`.
    cv, groups, calibration, bias, n_bootstrap, n_permutations, confidence_level
        As for :func:`from_posteriors`.
    tol, unit, threads, rng, progress
        As there.

    Returns
    -------
    ManyModelEstimate

    Raises
    ------
    ValueError, TypeError
        As :func:`from_posteriors` and :func:`estimate_many` do.

    Warns
    -----
    CalibrationWarning
        If posteriors claim another information than labels confirm.

    Examples
    --------
    >>> import fastpid, numpy as np
    >>> rng = np.random.default_rng(0)
    >>> z = rng.integers(0, 2, 900)
    >>> x = 2.0 * np.eye(2)[z] + rng.normal(size=(3, 900, 2))
    >>> e = fastpid.models.from_many_posteriors(
    ...     list(x), x.sum(axis=0), z, logits=True, n_bootstrap=20, rng=0
    ... )
    >>> e.redundancy > 0.2, e.used["mi_joint"]
    (True, 'posteriors')
    """
    wanted = check_wanted(
        *(calibration, bias, n_symbols, n_bootstrap, n_permutations, confidence_level),
        *(tol, unit, threads),
    )
    check_bool("logits", logits)
    names, named = read_names("posteriors", posteriors)
    check_subsets(subsets, len(names))
    given = {**named, "posteriors_joint": posteriors_joint}
    rows = {name: read_rows(name, each, logits) for name, each in given.items()}
    target = read_labels(z, rows)
    numbered = read_groups(groups, len(target.codes))
    seed = seed_sequence(rng)
    folds = make_folds(cv, target, numbered, number(seed))
    calibrated = [
        calibrate(calibration, each, target.codes, folds, target.frequencies)
        for each in rows.values()
    ]
    total = steps_of_many(wanted, numbered, len(names))
    with progress_bar(progress, total, "resampling", "steps") as advance:
        return assemble_many(
            [(calibrated, folds)],
            *(list(rows), names, target, numbered, (), subsets, wanted, seed, advance),
        )
