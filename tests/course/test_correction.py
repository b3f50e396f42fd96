"""Corrections for many times, against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastpid.course._correction import (
    Standardized,
    cluster_p_values,
    in_step,
    max_p_values,
    reach_of_all,
    standardize,
    standardize_errors,
)


def clusters_by_a_loop(row: np.ndarray, threshold: float) -> list[tuple[int, int, float]]:
    found, start = [], None
    for t, value in enumerate([*row, -np.inf]):
        if value > threshold and start is None:
            start = t
        elif not value > threshold and start is not None:
            found.append((start, t, float(row[start:t].sum())))
            start = None
    return found


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6), st.booleans())
def test_p_values_by_their_definitions(seed: int, channels: bool) -> None:
    rng = np.random.default_rng(seed)
    shape = (3, 8) if channels else (8,)
    z = standardize(rng.normal(size=shape), rng.normal(size=(19, *shape)), 0.0)
    flat = z.drawn.reshape(19, -1)
    p_max = np.array([(1 + sum(row.max() >= v for row in flat)) / 20 for v in z.observed.ravel()])
    assert max_p_values(z).ravel().tolist() == p_max.tolist()
    pointwise = z.p_values()
    assert ((pointwise >= 1 / 20) & (pointwise <= 1.0)).all()
    assert (max_p_values(z) >= pointwise).all()

    both = np.concatenate([z.drawn, z.observed[None]]).reshape(20, -1, 8)
    threshold = max(float(np.quantile(both, 0.8)), 0.0)
    masses = [
        max((m for row in draw for *_, m in clusters_by_a_loop(row, threshold)), default=0.0)
        for draw in both
    ]
    expected = np.ones((both.shape[1], 8))
    for c, row in enumerate(both[-1]):
        for start, end, mass in clusters_by_a_loop(row, threshold):
            expected[c, start:end] = (1 + sum(m >= mass - 1e-12 for m in masses[:-1])) / 20
    found = cluster_p_values(z, 0.2).reshape(expected.shape)
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("test", ["max", "cluster"])
def test_the_observed_is_as_likely_as_any_other(test: str) -> None:
    """Of n + 1 draws alike, taken in turn for the observed one, a share of 5% has p <= 5%."""
    rng = np.random.default_rng(0)
    draws = rng.gamma(2.0, size=(100, 12)) * 10.0 ** np.arange(12)  # of very different scales
    p = []
    for k in range(100):
        z = standardize(draws[k], np.delete(draws, k, axis=0), 0.0)
        p.append(max_p_values(z).min() if test == "max" else cluster_p_values(z, 0.1).min())
    for level in (0.05, 0.2, 0.5):
        assert np.mean(np.array(p) <= level + 1e-12) <= level + 1e-12
    if test == "max":  # exactly, without ties
        assert np.sort(np.round(np.array(p) * 100)).tolist() == list(range(1, 101))


def test_standard_deviations() -> None:
    rng = np.random.default_rng(0)
    drawn = rng.normal(3.0, 2.0, size=(400, 5))
    z = standardize(np.full(5, 7.0), drawn, 0.0)
    np.testing.assert_allclose(z.observed, 2.0, atol=0.3)
    np.testing.assert_allclose(z.drawn.mean(axis=0), 0.0, atol=0.02)
    errors = standardize_errors(np.full(5, 4.0), drawn - 3.0)
    np.testing.assert_allclose(errors.observed, 2.0, atol=0.3)
    wide = drawn - 3.0
    wide[:, 0] *= 0.01
    z = standardize_errors(np.full(5, 4.0), wide)
    average = np.sqrt(wide.var(axis=0, ddof=1).mean())
    assert z.observed[0] == pytest.approx(4.0 / average, rel=1e-6)  # by no less than the average
    assert z.observed[1] == pytest.approx(
        4.0 / max(average, float(wide[:, 1].std(ddof=1))), rel=1e-6
    )


def test_a_few_large_errors_do_not_take_the_power_of_all() -> None:
    rng = np.random.default_rng(0)
    drawn = rng.normal(size=(100, 40))
    drawn[:, 20:] = np.where(rng.random((100, 20)) < 0.01, 0.05, 0.0)  # ten deviations away
    observed = np.zeros(40)
    observed[:5] = 6.0
    assert max_p_values(standardize_errors(observed, drawn))[:5].max() == 1 / 101
    assert reach_of_all(drawn, 0.95).max() < 6.0


def test_what_does_not_vary() -> None:
    z = standardize(np.array([0.0, 1.0]), np.tile([0.0, 1.0], (19, 1)), 1e-9)
    assert max_p_values(z).tolist() == [1.0, 1.0]
    certain = standardize_errors(np.array([0.5, 0.0]), np.zeros((19, 2)))
    assert certain.observed.tolist() == [np.inf, 0.0]
    assert max_p_values(certain)[0] == 1 / 20
    assert cluster_p_values(certain, 0.05).tolist() == [1 / 20, 1.0]


def test_draws_in_step_keep_their_values_and_take_another_order() -> None:
    rng = np.random.default_rng(0)
    z = Standardized(np.zeros((2, 30)), rng.normal(size=(50, 2, 30)))
    smooth = np.cumsum(rng.normal(size=(50, 2, 30)), axis=-1)
    found = in_step(z, smooth)
    assert (np.sort(found.drawn, axis=0) == np.sort(z.drawn, axis=0)).all()
    assert (found.drawn.argsort(axis=0) == smooth.argsort(axis=0)).all()

    def roughness(draws: np.ndarray) -> float:
        return float(np.diff(draws, axis=-1).std())

    assert roughness(found.drawn) < 0.5 * roughness(z.drawn)
    assert (in_step(z, z.drawn).drawn == z.drawn).all()


def test_bands_of_all_times_hold_as_often_as_they_say() -> None:
    rng = np.random.default_rng(0)
    drawn = rng.normal(size=(2000, 30)) * np.arange(1, 31)
    reach = reach_of_all(drawn, 0.9)
    fresh = rng.normal(size=(4000, 30)) * np.arange(1, 31)
    inside = (np.abs(fresh) <= reach).all(axis=1).mean()
    assert inside == pytest.approx(0.9, abs=0.03)
    assert Standardized(np.zeros(3), np.zeros((5, 3))).p_values().tolist() == [1.0] * 3
