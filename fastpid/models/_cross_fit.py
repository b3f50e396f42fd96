"""Posteriors of samples from models that were fitted without them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastpid._base.checks import check_count
from fastpid._base.extras import import_extra
from fastpid.models._calibration import calibrate, temperature_loss
from fastpid.models._classifiers import Recipe
from fastpid.models._read import Target

Floats = NDArray[np.float64]
Labels = NDArray[np.intp]


class Posteriors(NamedTuple):
    """Rows p(z | sample) of three models, in the order of the target's samples."""

    x: Floats
    y: Floats
    xy: Floats


class Job(NamedTuple):
    """One fit: of a source's recipe, to some samples, asked for others."""

    source: int
    recipe: Recipe
    train: Labels
    test: Labels
    seed: int


def make_folds(cv: Any, target: Target, groups: Labels | None, seed: int) -> Labels:
    """Return the fold of every sample, (n,).

    Raises
    ------
    ValueError
        If a class has fewer samples than there are folds, or is missing from what models of some
        fold are fitted to; if `cv` does not split all samples into folds.
    """
    n = len(target.codes)
    counts = np.bincount(target.codes, minlength=len(target.classes))
    if hasattr(cv, "split"):
        splits = list(cv.split(np.zeros((n, 1)), target.codes, groups))
    else:
        count = check_count("cv", cv, 2)
        rarest = int(counts.argmin())
        if counts[rarest] < count:
            raise ValueError(
                f"class {target.classes[rarest]!r} of z has {counts[rarest]} samples, and cv="
                f"{count} folds each need one; pass a smaller cv, or leave rare classes out"
            )
        if groups is not None and groups.max() + 1 < count:
            raise ValueError(f"groups has {groups.max() + 1} groups for cv={count} folds")
        splits = list(split(count, target.codes, groups, seed))
    folds = np.full(n, -1, dtype=np.intp)
    for fold, (_, test) in enumerate(splits):
        if (folds[test] >= 0).any():
            raise ValueError("cv must put every sample into one fold; some are in several")
        folds[test] = fold
    if (folds < 0).any():
        raise ValueError(f"cv must put every sample into one fold; {(folds < 0).sum()} are in none")
    for fold in range(len(splits)):
        seen = np.bincount(target.codes[folds != fold], minlength=len(target.classes))
        if not seen.all():
            missing = target.classes[int(seen.argmin())]
            raise ValueError(
                f"class {missing!r} of z is missing in the samples that models for fold {fold} are "
                "fitted to (all its samples are in that fold, or in its groups); pass another cv, "
                "or leave that class out"
            )
    return folds


def split(
    count: int, codes: Labels, groups: Labels | None, seed: int
) -> Iterator[tuple[Labels, Labels]]:
    """Split samples into folds with the classes' shares, groups undivided."""
    selection = import_extra("sklearn.model_selection", "fastpid.models")
    kind = selection.StratifiedKFold if groups is None else selection.StratifiedGroupKFold
    splits: Iterator[tuple[Labels, Labels]] = kind(count, shuffle=True, random_state=seed).split(
        np.zeros((len(codes), 1)), codes, groups
    )
    return splits


def choose(
    candidates: Sequence[Sequence[Recipe]],
    target: Target,
    groups: Labels | None,
    folds: Labels,
    seed: int,
    run: Callable[[list[Job]], list[Floats]],
) -> list[Recipe]:
    """Return the recipe of each source with the least cross-entropy, once calibrated.

    Of the samples that models of the first fold are fitted to, three quarters are fitted, and the
    others say which was best.
    """
    rows = np.flatnonzero(folds != folds.min())
    within = None if groups is None else groups[rows]
    train, test = next(iter(split(4, target.codes[rows], within, seed)))
    train, test = rows[train], rows[test]
    jobs = [
        Job(source, recipe, train, test, seed)
        for source, several in enumerate(candidates)
        for recipe in several
        if len(several) > 1
    ]
    losses = [
        temperature_loss(found, target.codes[test], target.frequencies) for found in run(jobs)
    ]
    chosen = []
    for source, several in enumerate(candidates):
        tried = [
            (loss, i)
            for i, (job, loss) in enumerate(zip(jobs, losses, strict=True))
            if job.source == source
        ]
        chosen.append(jobs[min(tried)[1]].recipe if tried else several[0])
    return chosen


def out_of_fold(
    chosen: Sequence[Recipe],
    target: Target,
    folds: Labels,
    calibration: str,
    share: float,
    seed: np.random.SeedSequence,
    run: Callable[[list[Job]], list[Floats]],
) -> list[Floats]:
    """Return calibrated posteriors of every sample, by source; models see a share of folds."""
    rng = np.random.default_rng(seed)
    jobs = []
    for source, recipe in enumerate(chosen):
        for fold in np.unique(folds):
            train = np.flatnonzero(folds != fold)
            if share < 1.0:
                train = _part(train, target.codes, share, rng)
            test = np.flatnonzero(folds == fold)
            jobs.append(Job(source, recipe, train, test, int(rng.integers(2**31))))
    rows = np.empty((len(chosen), len(folds), len(target.classes)))
    for job, found in zip(jobs, run(jobs), strict=True):
        rows[job.source, job.test] = found
    return [calibrate(calibration, each, target.codes, folds, target.frequencies) for each in rows]


def _part(train: Labels, codes: Labels, share: float, rng: np.random.Generator) -> Labels:
    """Return a share of samples, of every class one at least."""
    order = rng.permutation(train)
    kept = [
        order[codes[order] == z][: max(1, round(share * np.count_nonzero(codes[train] == z)))]
        for z in np.unique(codes[train])
    ]
    return np.sort(np.concatenate(kept))


def fit_and_predict(job: Job, features: NDArray[Any], codes: Labels) -> Floats:
    """Fit a model; return its posteriors of other samples.

    Raises
    ------
    ValueError
        If the model does not say probabilities of all classes.
    """
    model = job.recipe.make(job.seed)
    # Threads of several libraries get into each other's way; processes do not.
    with import_extra("threadpoolctl", "fastpid.models").threadpool_limits(1):
        model.fit(features[job.train], codes[job.train])
        rows = np.asarray(model.predict_proba(features[job.test]), dtype=np.float64)
    classes = np.unique(codes[job.train])
    if rows.shape != (len(job.test), len(classes)) or not np.isfinite(rows).all():
        raise ValueError(
            f"model {job.recipe.name} gives probabilities of shape {rows.shape} for "
            f"{len(job.test)} samples of {len(classes)} classes, or some that are not finite; its "
            "predict_proba must return a finite column for each class"
        )
    known = getattr(model, "classes_", classes)
    if not np.array_equal(known, classes):
        raise ValueError(f"model {job.recipe.name} knows classes {known}, not {classes}")
    return rows
