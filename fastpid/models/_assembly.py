"""From posteriors and labels to a ModelEstimate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from fastpid._base.quantities import NATS_PER_UNIT, QUANTITIES, Terms
from fastpid._posteriors._source import sums_p_log_p
from fastpid.models._cross_fit import Posteriors
from fastpid.models._estimates import standard_errors
from fastpid.models._informations import MI, informations, warn_of
from fastpid.models._permutations import p_values, permutation_p_values
from fastpid.models._read import Target
from fastpid.models._resampled import errors_of_resamples
from fastpid.models._result import ModelEstimate
from fastpid.models._wanted import Wanted

Floats = NDArray[np.float64]
Labels = NDArray[np.intp]

#: On which side of a value the excess may be larger than was found: per nat of union information.
_SIDES = {"redundancy": 1, "unique_x": -1, "unique_y": -1, "synergy": 1, "union_information": -1}


def steps(wanted: Wanted, groups: Labels | None) -> int:
    """Return how many resamples and permutations there are."""
    permuted = 0 if groups is not None else 4 * wanted.n_permutations
    return wanted.n_bootstrap + 1 + permuted if wanted.n_bootstrap else permuted


def assemble(
    refits: Sequence[tuple[Posteriors, Labels]],
    target: Target,
    groups: Labels | None,
    models: tuple[str, ...],
    wanted: Wanted,
    seed: np.random.SeedSequence,
    advance: Callable[[int], object],
) -> ModelEstimate:
    """Estimate from the posteriors of one or several refits, and the folds they were made in."""
    unit = wanted.unit
    scale = 1.0 / NATS_PER_UNIT[unit]
    streams = [np.random.default_rng(s) for s in seed.spawn(3)]
    numbers = [int(n) for n in streams[0].integers(0, 2**31, len(refits))]
    found = [
        informations(posteriors, target, wanted, number)
        for (posteriors, _), number in zip(refits, numbers, strict=True)
    ]
    first, (posteriors, folds) = found[0], refits[0]
    if first.contradicted:
        warn_of(MI, first.claimed, first.confirmed, unit)
    vectors = np.stack([each.vector() for each in found]) * scale
    plug_in = np.append(first.claimed * scale, first.decomposition.union_information)
    corrected = _named(vectors.mean(axis=0))
    each_refit = _arrays(vectors)
    draws: dict[str, Floats] = {}
    raw: dict[str, tuple[float, float]] = {}
    p: dict[str, float] = {}
    permuted: dict[str, float] = {}
    # With groups the errors, which are those of groups, are the whole test.
    if wanted.n_permutations and groups is None:
        permuted = permutation_p_values(
            posteriors, target.codes, folds, wanted.n_permutations, streams[1], advance
        )
    excess = float(np.mean([each.excess for each in found])) * scale
    if wanted.n_bootstrap:
        errors = errors_of_resamples(
            posteriors,
            target,
            groups,
            wanted.n_bootstrap,
            wanted.threads,
            streams[2],
            advance,
        )
        draws = _arrays(vectors.mean(axis=0) + errors * scale)
        deviations = standard_errors(draws, each_refit)
        half_gap = 0.5 * first.decomposition.gap
        reach = -NormalDist().inv_cdf(0.5 * (1.0 - wanted.confidence_level))
        for name in QUANTITIES:
            side = _SIDES.get(name, 0)
            width = reach * deviations[name] + half_gap * abs(side)
            more = side * excess
            raw[name] = (
                corrected[name] - width + min(more, 0.0),
                corrected[name] + width + max(more, 0.0),
            )
        p = p_values(corrected, deviations, permuted)
    most = -float(sums_p_log_p(target.frequencies)) * scale
    word = "cross_entropy" if first.contradicted else "posteriors"
    return ModelEstimate(
        posteriors=(posteriors.x, posteriors.y, posteriors.xy),
        codes=target.codes,
        classes=target.classes,
        decomposition=first.decomposition,
        models=models,
        calibration=wanted.calibration,
        bias=wanted.bias,
        excess=excess,
        used=dict.fromkeys(MI, word),
        cross_entropy=dict(zip(MI, (first.confirmed * scale).tolist(), strict=True)),
        plug_in=_named(plug_in),
        corrected=corrected,
        values={name: within(value, most) for name, value in corrected.items()},
        confidence_level=wanted.confidence_level,
        intervals={n: (within(low, most), within(high, most)) for n, (low, high) in raw.items()},
        raw_intervals=raw,
        p_values=p,
        null_p_values=permuted,
        draws=draws,
        refits=each_refit,
        seed={"entropy": seed.entropy, "spawn_key": seed.spawn_key},
        units="samples" if groups is None else "groups",
        n_units=len(target.codes) if groups is None else int(groups.max()) + 1,
        unit=unit,
    )


def _named(vector: Floats) -> dict[str, float]:
    return {name: float(v) for name, v in Terms.of_vector(vector).named().items()}


def _arrays(vectors: Floats) -> dict[str, Floats]:
    return dict(Terms.of_vector(vectors).named())


def within(value: float, most: float, least: float = 0.0) -> float:
    """Return a value within limits."""
    return min(max(value, least), most)
