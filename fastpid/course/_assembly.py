"""From what was found at all places to a course."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastpid._base.quantities import QUANTITIES
from fastpid._solve.options import SolveOptions
from fastpid.course._block import Block
from fastpid.course._correction import (
    Standardized,
    Test,
    cluster_p_values,
    max_p_values,
    reach_of_all,
    standardize_errors,
)
from fastpid.estimation._arrangement import Arrangement
from fastpid.estimation._intervals import intervals
from fastpid.estimation._wanted import Wanted

Array = NDArray[np.float64]


class Setting(NamedTuple):
    """What the estimates of all places have in common."""

    coords: dict[str, NDArray[Any]]
    names: tuple[str, str, str]
    kept: NDArray[np.bool_] | None  # which trials are left, if some were dropped
    options: SolveOptions
    wanted: Wanted
    arrangement: Arrangement

    @property
    def shape(self) -> tuple[int, ...]:
        """The numbers of channels, lags and times, where there are such axes."""
        return tuple(len(along) for along in self.coords.values())


def assemble(
    setting: Setting,
    blocks: list[Block],
    most: Array,
    cluster_level: float,
    seed: np.random.SeedSequence,
) -> dict[str, Any]:
    """Put the places together: the attributes of an AtomCourse, corrected for all places.

    `most` is what no information exceeds at each place, in the unit asked for.
    """
    wanted, shape = setting.wanted, setting.shape

    def joined(each: list[Any]) -> NDArray[Any]:
        whole = np.concatenate(each, axis=-1)
        return whole.reshape(*whole.shape[:-1], *shape)

    def by_name(of: Callable[[Block], dict[str, Array]]) -> dict[str, Array]:
        return {name: joined([of(block)[name] for block in blocks]) for name in of(blocks[0])}

    p_values, p_max, p_cluster = {}, {}, {}
    for atom in wanted.nulls:
        tests = [
            _joined(each, joined)
            for each in zip(*(block.tests[atom] for block in blocks), strict=True)
        ]
        pointwise = [test.each.p_values() for test in tests]
        if atom in wanted.judged:
            least = joined([b.least(atom) for b in blocks])
            drawn = joined([b.drawn(atom) for b in blocks])
            z = standardize_errors(least, drawn)
            tests.append(Test(z, z))
            pointwise.append(_above(least, drawn.std(axis=0, ddof=1)))
        # All have to be refuted (an intersection-union test).
        p_values[atom] = np.max(pointwise, axis=0)
        p_max[atom] = np.max([max_p_values(test.each) for test in tests], axis=0)
        p_cluster[atom] = np.max(
            [cluster_p_values(test.in_step, cluster_level) for test in tests], axis=0
        )

    corrected = by_name(lambda block: block.corrected)
    found: dict[str, dict[str, tuple[Array, Array]]] = {"intervals": {}, "bands": {}}
    if wanted.ci != "none":
        reach = {
            name: reach_of_all(joined([b.drawn(name) for b in blocks]), wanted.confidence_level)
            for name in QUANTITIES
        }
        for which, p, wide in (("intervals", p_values, None), ("bands", p_max, reach)):
            ends = _intervals_of_all(blocks, wanted, p, wide)
            found[which] = {
                name: (
                    np.clip(low.reshape(shape), 0.0, most),
                    np.clip(high.reshape(shape), 0.0, most),
                )
                for name, (low, high) in ends.items()
            }
    return {
        "dims": tuple(setting.coords),
        "coords": setting.coords,
        "names": setting.names,
        "n_trials": setting.arrangement.n_samples,
        "n_dropped": 0 if setting.kept is None else int(np.count_nonzero(~setting.kept)),
        "plug_in": by_name(lambda block: block.plug_in),
        "gap": joined([block.gap for block in blocks]),
        "bias": wanted.bias,
        "corrected": corrected,
        "values": {name: np.clip(value, 0.0, most) for name, value in corrected.items()},
        "ci": wanted.ci,
        "confidence_level": wanted.confidence_level,
        "intervals": found["intervals"],
        "bands": found["bands"],
        "null": wanted.null,
        "null_means": by_name(lambda block: block.null_means),
        "p_values": p_values,
        "p_max": p_max,
        "p_cluster": p_cluster,
        "cluster_level": cluster_level,
        "seed": {"entropy": seed.entropy, "spawn_key": seed.spawn_key},
        "units": setting.arrangement.units.replace("samples", "trials"),
        "n_units": setting.arrangement.n_units,
        "largest_gap": max(block.largest_gap for block in blocks),
        "unit": setting.options.result_unit,
    }


def _joined(parts: Sequence[Test], joined: Callable[[list[Any]], NDArray[Any]]) -> Test:
    def whole(each: list[Standardized]) -> Standardized:
        return Standardized(joined([z.observed for z in each]), joined([z.drawn for z in each]))

    each = whole([part.each for part in parts])
    if parts[0].in_step is parts[0].each:
        return Test(each, each)
    return Test(each, whole([part.in_step for part in parts]))


@np.vectorize
def _above(value: float, deviation: float) -> float:
    """Return the probability of so large an error, normal and one-sided."""
    if deviation == 0.0:
        return 0.0 if value > 0.0 else 1.0
    return 1.0 - NormalDist().cdf(value / deviation)


def _intervals_of_all(
    blocks: list[Block],
    wanted: Wanted,
    p_values: dict[str, Array],
    reach: dict[str, Array] | None,
) -> dict[str, tuple[Array, Array]]:
    """Return both ends of the intervals at all places, (n_places,)."""
    flat = {atom: p.ravel() for atom, p in p_values.items()}
    wide = None if reach is None else {name: each.ravel() for name, each in reach.items()}
    ends, place = [], 0
    for block in blocks:
        assert block.errors is not None
        for i in range(len(block.gap)):
            found = intervals(
                *(wanted.ci, wanted.confidence_level),
                {name: float(value[i]) for name, value in block.corrected.items()},
                block.errors.of_field(i),
                {atom: float(p[place]) for atom, p in flat.items()},
                None if wide is None else {n: float(each[place]) for n, each in wide.items()},
            )
            ends.append([found[name] for name in QUANTITIES])
            place += 1
    both = np.array(ends)
    return {name: (both[:, k, 0], both[:, k, 1]) for k, name in enumerate(QUANTITIES)}
