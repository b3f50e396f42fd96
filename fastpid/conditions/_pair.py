"""The difference between two conditions: its interval, and its p-value of two kinds."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from fastpid._base.quantities import QUANTITIES
from fastpid._solve import kernel
from fastpid._solve.options import SolveOptions
from fastpid._solve.threads import count_threads
from fastpid.conditions._design import Design
from fastpid.estimation._intervals import Errors, bias_left, plain_intervals
from fastpid.estimation._problem import named
from fastpid.estimation._resampling import CELLS_AT_A_TIME, solve_all
from fastpid.estimation._result import Estimate
from fastpid.joint._samples import CodedSamples


class Difference(NamedTuple):
    """One value of the first condition less that of the second."""

    value: float
    low: float
    high: float
    p_value: float


class Side(NamedTuple):
    """One of the two conditions."""

    estimate: Estimate
    errors: Errors

    def bias_left(self, confidence_level: float) -> dict[str, tuple[float, float]]:
        """Return what may have to be added to corrected values, at least and at most."""
        values = self.estimate.corrected
        plain = plain_intervals("normal", confidence_level, values, self.errors)
        return bias_left(plain, self.errors)


def differences(
    first: Side, second: Side, confidence_level: float, p_of_labels: dict[str, float]
) -> dict[str, Difference]:
    """Return the difference of every value.

    Errors are normal, with the variance of what the two are off by in the same draw: draws are
    independent unless conditions are paired. What bias either may have left widens the interval,
    and what moving conditions does not refute is in it.
    """
    reach = -NormalDist().inv_cdf(0.5 * (1.0 - confidence_level))
    left, right = first.bias_left(confidence_level), second.bias_left(confidence_level)
    found = {}
    for name in QUANTITIES:
        value = first.estimate.corrected[name] - second.estimate.corrected[name]
        drawn = first.errors.drawn[name] - second.errors.drawn[name]
        deviation = float(drawn.std(ddof=1))
        least = value + left[name][0] - right[name][1]
        most = value + left[name][1] - right[name][0]
        away = max(least, -most, 0.0)
        p_of_errors = 2.0 * (1.0 - NormalDist().cdf(away / deviation)) if deviation else 1.0
        if deviation == 0.0 and away > 0.0:
            p_of_errors = 0.0
        p = max(p_of_errors, p_of_labels.get(name, 0.0))
        low, high = least - reach * deviation, most + reach * deviation
        if p > 1.0 - confidence_level:
            low, high = min(low, 0.0), max(high, 0.0)
        found[name] = Difference(value, low, high, p)
    return found


def p_values_of_labels(
    samples: CodedSamples,
    design: Design,
    observed: tuple[Estimate, Estimate],
    options: SolveOptions,
    n_permutations: int,
    seed: np.random.SeedSequence,
    advance: Callable[[int], object],
) -> tuple[dict[str, float], float]:
    """Move the conditions of two among their samples: how often plug-in values differ as much.

    Two-sided, by the distance to the mean of all, which is not zero where one condition has more
    samples, and less bias.

    Returns
    -------
    p_values : dict of str to float
    gap : float
        The largest gap of a solve, in nats.
    """
    moved = design.relabelled(n_permutations, np.random.default_rng(seed))
    cells = samples.cells()[None]
    size = int(np.prod(samples.shape))
    weights = np.ones(samples.n_samples) if samples.weights is None else samples.weights
    step = max(1, CELLS_AT_A_TIME // (2 * max(samples.n_samples, size)))
    vectors, gap = [], 0.0
    for start in range(0, n_permutations, step):
        first = np.stack(list(islice(moved, min(step, n_permutations - start))))
        both = np.stack([first, ~first], axis=1).reshape(-1, samples.n_samples) * weights
        threads = count_threads(options.threads, both.size)
        tables = kernel.weigh(cells, size, both, threads).reshape(-1, *samples.shape)
        found, largest = solve_all(iter([tables]), options, advance)
        vectors.append(found.reshape(-1, 2, 4))
        gap = max(gap, largest)
    drawn = named(np.concatenate(vectors), options.scale)
    # Values closer than the gaps of both are ties.
    ties = 2.0 * max(gap * options.scale, *(each.largest_gap for each in observed))
    out = {}
    for name in QUANTITIES:
        null = drawn[name][:, 0] - drawn[name][:, 1]
        one, other = (getattr(each.decomposition, name) for each in observed)
        mean = (null.sum() + one - other) / (1 + n_permutations)
        away = abs(one - other - mean) - ties
        larger = int(np.count_nonzero(np.abs(null - mean) >= away))
        out[name] = (1 + larger) / (1 + n_permutations)
    return out, gap
