"""From posteriors of any number of sources, and labels, to a ManyModelEstimate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from fastpid._base.quantities import NATS_PER_UNIT
from fastpid._many._coverage import Subset
from fastpid._posteriors._source import sums_p_log_p
from fastpid.estimation._many_problem import ManyProblem
from fastpid.models._assembly import within
from fastpid.models._estimates import standard_errors
from fastpid.models._informations import warn_of
from fastpid.models._many_informations import many_informations
from fastpid.models._many_permutations import count_tests, permute_many, takes_of
from fastpid.models._many_resampled import errors_of_many
from fastpid.models._many_result import ManyModelEstimate
from fastpid.models._permutations import p_values
from fastpid.models._read import Target
from fastpid.models._wanted import Wanted

Floats = NDArray[np.float64]
Labels = NDArray[np.intp]


def steps_of_many(wanted: Wanted, groups: Labels | None, n_sources: int) -> int:
    """Return how many resamples and permutations there are."""
    permuted = 0 if groups is not None else count_tests(n_sources) * wanted.n_permutations
    return permuted + (wanted.n_bootstrap + 1 if wanted.n_bootstrap else 0)


def assemble_many(
    refits: Sequence[tuple[Sequence[Floats], Labels]],
    labels: Sequence[str],
    names: tuple[str, ...],
    target: Target,
    groups: Labels | None,
    models: tuple[str, ...],
    subsets: str,
    wanted: Wanted,
    seed: np.random.SeedSequence,
    advance: Callable[[int], object],
) -> ManyModelEstimate:
    """Estimate from the posteriors of one or several refits, and the folds they were made in.

    `labels` is what errors call the posteriors of every source and of all together.
    """
    scale = 1.0 / NATS_PER_UNIT[wanted.unit]
    streams = [np.random.default_rng(s) for s in seed.spawn(3)]
    numbers = [int(n) for n in streams[0].integers(0, 2**31, len(refits))]
    problem = ManyProblem(len(names), len(target.classes), subsets == "all")
    found = [
        many_informations(posteriors, labels, target, problem, wanted, number)
        for (posteriors, _), number in zip(refits, numbers, strict=True)
    ]
    first, (posteriors, folds) = found[0], refits[0]
    mi = [*(f"mi_{i}" for i in range(len(names))), "mi_joint"]
    if first.contradicted:
        warn_of(mi, first.claimed, first.confirmed, wanted.unit)
    vectors = np.stack([each.vector(problem) for each in found])
    corrected = _floats(problem.named(vectors.mean(axis=0), scale))
    each_refit = {name: np.asarray(v) for name, v in problem.named(vectors, scale).items()}
    draws: dict[str, Floats] = {}
    raw: dict[str, tuple[float, float]] = {}
    p: dict[str, float] = {}
    permuted: dict[str, float] = {}
    # With groups the errors, which are those of groups, are the whole test.
    if wanted.n_permutations and groups is None:
        permuted = permute_many(
            posteriors, target.codes, folds, wanted.n_permutations, streams[1], advance
        )
    excess = {
        members: float(np.mean([each.excess[members] for each in found])) * scale
        for members in first.unions
    }
    if wanted.n_bootstrap:
        errors = errors_of_many(
            *(posteriors, labels, target, groups, problem, wanted.n_bootstrap, wanted.threads),
            *(streams[2], advance),
        )
        draws = problem.named(vectors.mean(axis=0) + errors, scale)
        deviations = standard_errors(draws, each_refit)
        gaps = {members: float(found.gap) for members, found in first.unions.items()}
        reach = -NormalDist().inv_cdf(0.5 * (1.0 - wanted.confidence_level))
        for name, value in corrected.items():
            low, high = _doubt(problem, name, gaps, excess)
            width = reach * deviations[name]
            raw[name] = (value - width - low, value + width + high)
        p = p_values(corrected, deviations, permuted, takes_of(problem))
    most = -float(sums_p_log_p(target.frequencies)) * scale

    def inside(name: str, value: float) -> float:
        return within(value, most, -most if name in problem.signed else 0.0)

    word = "cross_entropy" if first.contradicted else "posteriors"
    return ManyModelEstimate(
        posteriors=tuple(posteriors),
        names=names,
        codes=target.codes,
        classes=target.classes,
        unions=first.unions,
        excess=excess,
        subsets=subsets,
        models=models,
        calibration=wanted.calibration,
        bias=wanted.bias,
        used=dict.fromkeys(mi, word),
        cross_entropy=dict(zip(mi, (first.confirmed * scale).tolist(), strict=True)),
        plug_in=_floats(problem.named(first.plug_in(problem), scale)),
        corrected=corrected,
        values={name: inside(name, value) for name, value in corrected.items()},
        confidence_level=wanted.confidence_level,
        intervals={
            name: (inside(name, low), inside(name, high)) for name, (low, high) in raw.items()
        },
        raw_intervals=raw,
        p_values=p,
        null_p_values=permuted,
        draws=draws,
        refits=each_refit,
        seed={"entropy": seed.entropy, "spawn_key": seed.spawn_key},
        units="samples" if groups is None else "groups",
        n_units=len(target.codes) if groups is None else int(groups.max()) + 1,
        unit=wanted.unit,
    )


def _doubt(
    problem: ManyProblem, name: str, gaps: dict[Subset, float], excess: dict[Subset, float]
) -> tuple[float, float]:
    """Return by how much a value may be less and more, for gaps and excesses of its unions.

    The excess may be larger than was found, and a union information that much less.
    """
    low = high = 0.0
    for members, sign in problem.values[name].items():
        if members is None or members not in gaps:
            continue
        low += abs(sign) * 0.5 * gaps[members] + max(sign, 0) * excess[members]
        high += abs(sign) * 0.5 * gaps[members] + max(-sign, 0) * excess[members]
    return low, high


def _floats(named: dict[str, Floats]) -> dict[str, float]:
    return {name: float(value) for name, value in named.items()}
