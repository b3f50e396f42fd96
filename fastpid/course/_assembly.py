"""From what was found at all places to a TimeCourse."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastpid._base.quantities import QUANTITIES
from fastpid.course._correction import (
    Standardized,
    Test,
    cluster_p_values,
    max_p_values,
    reach_of_all,
    standardize_errors,
)
from fastpid.course._places import Block, Places
from fastpid.course._result import TimeCourse
from fastpid.estimation._assembly import entropy_bound, null_texts
from fastpid.estimation._intervals import intervals
from fastpid.estimation._wanted import Wanted

Array = NDArray[np.float64]


def assemble(
    places: Places,
    blocks: list[Block],
    counts: Array,
    cluster_level: float,
    seed: np.random.SeedSequence,
) -> TimeCourse:
    """Put the places together: corrections, bands and the axes of the result."""
    trials, options, wanted = places.trials, places.options, places.wanted
    axes = tuple(trials.coords)
    shape = tuple(len(along) for along in trials.coords.values())

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

    p_z = counts.sum(axis=(1, 2))
    n_trials = float(p_z[0].sum())
    most = entropy_bound(p_z / n_trials, n_trials).reshape(shape) * options.scale
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
    return TimeCourse(
        dims=axes,
        coords=trials.coords,
        counts=counts.reshape(*shape, *trials.shape).astype(np.int64),
        labels=trials.labels,
        names=trials.names,
        n_dropped=0 if trials.kept is None else int(np.count_nonzero(~trials.kept)),
        plug_in=by_name(lambda block: block.plug_in),
        gap=joined([block.gap for block in blocks]),
        bias=wanted.bias,
        corrected=corrected,
        values={name: np.clip(value, 0.0, most) for name, value in corrected.items()},
        ci=wanted.ci,
        confidence_level=wanted.confidence_level,
        intervals=found["intervals"],
        bands=found["bands"],
        null=wanted.null,
        null_of=null_texts(wanted.nulls, places.arrangement.moves),
        null_means=by_name(lambda block: block.null_means),
        p_values=p_values,
        p_max=p_max,
        p_cluster=p_cluster,
        cluster_level=cluster_level,
        seed={"entropy": seed.entropy, "spawn_key": seed.spawn_key},
        units=places.arrangement.units.replace("samples", "trials"),
        n_units=places.arrangement.n_units,
        largest_gap=max(block.largest_gap for block in blocks),
        unit=options.result_unit,
    )


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
