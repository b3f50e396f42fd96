"""estimate_differences(): by how much atoms differ between conditions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid._base.progress import progress_bar
from fastpid._base.quantities import QUANTITIES, ROLES, Method, OnFailure, Unit
from fastpid._base.random import RNG, seed_sequence
from fastpid._solve.options import SolveOptions, check_options
from fastpid.conditions._design import Design
from fastpid.conditions._pair import Side, differences, p_values_of_labels
from fastpid.conditions._read import read_labelled, read_mappings
from fastpid.conditions._result import Differences
from fastpid.estimation._arranged_samples import ArrangedSamples
from fastpid.estimation._arrangement import LEAST_GROUPS, Arrangement, Permute, check_arrangement
from fastpid.estimation._assembly import estimate_with_errors, report_unsolved
from fastpid.estimation._intervals import Errors
from fastpid.estimation._resampled import options_of_resamples
from fastpid.estimation._resampling import Resampler, Samples
from fastpid.estimation._result import Estimate
from fastpid.estimation._wanted import DEFAULT_TOL, Bias, Null, Wanted, check_wanted
from fastpid.joint._missing import Missing
from fastpid.joint._samples import CodedSamples

#: A condition of fewer samples says nothing.
_LEAST_SAMPLES = 8


def estimate_differences(
    x: Any,
    y: Any,
    z: Any,
    condition: Any = None,
    *,
    data: Any = None,
    bins: Any = None,
    strategy: str = "quantile",
    names: Sequence[str] | None = None,
    weights: Any = None,
    missing: Missing = "raise",
    groups: Any = None,
    permute: Permute | None = None,
    bias: Bias = "qe",
    confidence_level: float = 0.95,
    n_bootstrap: int = 200,
    n_permutations: int = 1000,
    null: Null = "conditional",
    method: Method = "auto",
    tol: float | None = None,
    max_iter: int | None = None,
    unit: Unit = "bits",
    threads: int | None = None,
    rng: RNG = None,
    on_failure: OnFailure = "warn",
    progress: bool | None = None,
) -> Differences:
    """Estimate by how much atoms differ between conditions, with intervals and tests.

    Parameters
    ----------
    x, y, z : array-like (n_samples,), or mapping from conditions to such
        The two sources and the target, as :func:`fastpid.estimate` takes them. Or one or several of
        them a mapping, ``x={"left": left, "right": right}``: conditions that were measured on the
        same samples, and are compared in pairs; what is no mapping is the same in all of them.
    condition : array-like (n_samples,), optional
        The condition of every sample (or the name of such a column of `data`), two or more;
        with mappings, which are the conditions, it is left out.
    data, bins, strategy, names, weights, missing
        As for :func:`fastpid.estimate`. Symbols are the same in all conditions: bins are cut from
        all samples. ``missing="drop"`` drops the sample of mappings from all conditions.
    groups : array-like (n_samples,), optional
        The subject, session or trial of every sample. They say what is compared: groups of one
        condition each make independent conditions, of which whole groups are drawn and change
        places; groups that hold all conditions make paired ones, and conditions are swapped inside
        of groups.
    permute : {"within"}, optional
        Samples changed places one by one inside of their group: each was assigned to a condition by
        itself, and nothing but its group is shared. Other groups are not meant then.
    bias, confidence_level, n_bootstrap, null
        As for :func:`fastpid.estimate`, for the estimate of every condition.
    n_permutations : int
        How many times conditions are moved, and tables there are under each null hypothesis of an
        estimate; 0 for no tests.
    method, tol, max_iter, unit, threads, rng, on_failure, progress
        As for :func:`fastpid.estimate`.

    Returns
    -------
    Differences
        Of every two conditions. An interval is as wide as the errors of both estimates, which are
        drawn together where they are paired. The p-value is the larger one of two: of conditions
        moved among samples or groups, which is exact if conditions differ in nothing [1]_, and of
        the errors, which holds if they differ in something else than this value. Several pairs
        are corrected by Holm's method (:attr:`Differences.adjusted`).

    Raises
    ------
    ValueError, TypeError, ImportError
        As :func:`fastpid.estimate` does; for a single condition, one without samples or of fewer
        than 8, or in which the target has one symbol; for groups that hold some conditions and not
        others; for mappings of different conditions.
    ConvergenceError
        Under ``on_failure="raise"``, if some table was not solved to `tol`.

    Warns
    -----
    ConvergenceWarning, UndersampledWarning
        As :func:`fastpid.estimate`, for every condition.

    References
    ----------
    .. [1] P. Good, "Permutation, parametric and bootstrap tests of hypotheses", 2005.

    Examples
    --------
    >>> import fastpid, numpy as np
    >>> rng = np.random.default_rng(0)
    >>> x, y, noise = rng.integers(0, 2, (3, 1000))
    >>> task = np.repeat(["rest", "task"], 500)
    >>> z = np.where(task == "task", x ^ y, noise)
    >>> d = fastpid.estimate_differences(x, y, z, task, rng=0, n_permutations=200)
    >>> round(float(d.values["synergy"][0]), 1), bool(d.p_values["synergy"][0] < 0.01)
    (-1.0, True)
    """
    options = check_options(
        method, DEFAULT_TOL if tol is None else tol, max_iter, unit, threads, True, on_failure
    )
    wanted = check_wanted(bias, "normal", confidence_level, n_bootstrap, n_permutations, null, tol)
    coding = {
        "bins": bins,
        "strategy": strategy,
        "names": names,
        "weights": weights,
        "missing": missing,
    }
    if any(isinstance(each, Mapping) for each in (x, y, z)):
        samples, labels, design = read_mappings((x, y, z), condition, data, groups, permute, coding)
    else:
        samples, labels, design = read_labelled((x, y, z), condition, data, groups, permute, coding)
    _check_conditions(samples, labels, design)
    return _compare(samples, labels, design, options, wanted, seed_sequence(rng), progress)


def _check_conditions(samples: CodedSamples, labels: tuple[Any, ...], design: Design) -> None:
    for role, codes in zip(ROLES, samples.codes, strict=True):
        if (codes == codes[0]).all():
            raise ValueError(
                f"{role} has one symbol in {samples.n_samples} samples, so it carries no "
                "information; choose another column"
            )
    for i, label in enumerate(labels):
        of = design.condition == i
        if np.count_nonzero(of) < _LEAST_SAMPLES:
            raise ValueError(
                f"condition {label!r} has {np.count_nonzero(of)} samples, and at least "
                f"{_LEAST_SAMPLES} are needed; leave it out"
            )
        if len(np.unique(samples.codes[2][of])) == 1:
            raise ValueError(
                f"z has one symbol in all samples of condition {label!r}, about which nothing can "
                "be said; leave it out"
            )


def _samples_of(
    samples: CodedSamples, of: NDArray[np.bool_], design: Design, threads: int
) -> Samples:
    """Return the samples of one condition, resampled as the design says."""
    taken = samples.take(of)
    n_samples = taken.n_samples
    runs = np.unique(design.unit[of], return_inverse=True)[1]
    if design.are_alone:
        return Resampler(taken.shape, threads, codes=taken.codes, weights=taken.weights)
    if design.kind == "paired":
        # Groups of one sample are meant: the same are drawn in all conditions.
        arrangement = Arrangement(runs, "group")
        if arrangement.n_units < LEAST_GROUPS:
            raise ValueError(
                f"there are {arrangement.n_units} groups, and at least {LEAST_GROUPS} are needed"
            )
    else:
        permute = "within" if design.kind == "within" else None
        arrangement = check_arrangement(runs, permute, None, n_samples)
    codes = tuple(codes[None] for codes in taken.codes)
    return ArrangedSamples(taken.shape, threads, arrangement, codes, taken.weights)


def _compare(
    samples: CodedSamples,
    labels: tuple[Any, ...],
    design: Design,
    options: SolveOptions,
    wanted: Wanted,
    seed: np.random.SeedSequence,
    progress: bool | None,
) -> Differences:
    of_estimates, of_labels = seed.spawn(2)
    # The same seed draws the same groups in all conditions, whose errors then belong together.
    paired = design.kind == "paired"
    seeds = [of_estimates] * len(labels) if paired else of_estimates.spawn(len(labels))
    estimates: list[Estimate] = []
    errors: list[Errors] = []
    for i, label in enumerate(labels):
        of = design.condition == i
        try:
            some = _samples_of(samples, of, design, options.threads)
            found = estimate_with_errors(
                samples.take(of).table(), some, options, wanted, seeds[i], progress
            )
        except ValueError as error:
            raise ValueError(f"condition {label!r}: {error}") from error
        estimates.append(found[0])
        assert found[1] is not None
        errors.append(found[1])
    sides = [Side(*each) for each in zip(estimates, errors, strict=True)]
    pairs = tuple(combinations(range(len(labels)), 2))
    rows, gap = [], 0.0
    total = 2 * wanted.n_permutations * len(pairs)
    loose = options_of_resamples(some, options, wanted)
    with progress_bar(progress, total, "moving conditions", "tables") as advance:
        for (i, j), stream in zip(pairs, of_labels.spawn(len(pairs)), strict=True):
            p_of_labels: dict[str, float] = {}
            if wanted.n_permutations:
                of, two = design.pair(i, j)
                p_of_labels, largest = p_values_of_labels(
                    samples.take(of),
                    two,
                    (estimates[i], estimates[j]),
                    loose,
                    wanted.n_permutations,
                    stream,
                    advance,
                )
                gap = max(gap, largest)
            rows.append(differences(sides[i], sides[j], wanted.confidence_level, p_of_labels))
    columns = {name: np.array([each[name] for each in rows]) for name in QUANTITIES}
    result = Differences(
        conditions=labels,
        estimates=tuple(estimates),
        pairs=tuple((labels[i], labels[j]) for i, j in pairs),
        values={name: each[:, 0] for name, each in columns.items()},
        intervals={name: (each[:, 1], each[:, 2]) for name, each in columns.items()},
        p_values={n: each[:, 3] for n, each in columns.items()} if wanted.n_permutations else {},
        design=design.kind,
        null_of=design.moved,
        confidence_level=wanted.confidence_level,
        seed={"entropy": seed.entropy, "spawn_key": seed.spawn_key},
        largest_gap=max(gap * options.scale, *(e.largest_gap for e in estimates)),
        unit=options.result_unit,
    )
    if gap > loose.tol:
        report_unsolved(result, result.largest_gap, options)
    return result
