"""Adjusted p-values against the procedures that they stand for, stepped through by hand."""

from __future__ import annotations

import numpy as np
import pytest

from fastpid._base.multiple_tests import METHODS, adjust


def rejected(p: np.ndarray, level: float, method: str) -> np.ndarray:
    """Which hypotheses a procedure refutes at a level, as its paper says it."""
    m = len(p)
    order = np.argsort(p, kind="stable")
    harmonic = sum(1.0 / i for i in range(1, m + 1))
    out = np.zeros(m, dtype=bool)
    if method == "bonferroni":
        return np.asarray(p <= level / m)
    if method == "holm":
        for step, i in enumerate(order):
            if p[i] > level / (m - step):
                break
            out[i] = True
        return out
    share = level / harmonic if method == "by" else level
    last = 0
    for k in range(1, m + 1):
        if p[order[k - 1]] <= k * share / m:
            last = k
    out[order[:last]] = True
    return out


@pytest.mark.parametrize("method", METHODS)
def test_adjusted_values_are_those_of_the_procedure(method: str) -> None:
    rng = np.random.default_rng(3)
    for _ in range(30):
        p = rng.random(rng.integers(1, 60)) ** rng.integers(1, 6)
        adjusted = adjust(p, method)
        assert (adjusted >= p).all()
        assert (adjusted <= 1.0).all()
        for level in rng.random(20):
            np.testing.assert_array_equal(adjusted <= level, rejected(p, level, method))


@pytest.mark.parametrize("method", ["bh", "by"])
def test_they_agree_with_scipy(method: str) -> None:
    stats = pytest.importorskip("scipy.stats")
    p = np.random.default_rng(4).random(500) ** 3
    np.testing.assert_allclose(
        adjust(p, method), stats.false_discovery_control(p, method=method), rtol=1e-13
    )


@pytest.mark.parametrize("method", METHODS)
def test_nan_is_no_test_and_any_shape_is_one_family(method: str) -> None:
    p = np.random.default_rng(5).random((4, 3, 5)) ** 4
    whole = adjust(p, method)
    np.testing.assert_array_equal(whole.ravel(), adjust(p.ravel(), method))
    holes = np.random.default_rng(6).random(p.shape) < 0.3
    p[holes] = np.nan
    adjusted = adjust(p, method)
    assert np.isnan(adjusted[holes]).all()
    np.testing.assert_array_equal(adjusted[~holes], adjust(p[~holes], method))


@pytest.mark.parametrize("method", METHODS)
def test_none_one_and_ties(method: str) -> None:
    assert adjust([], method).shape == (0,)
    assert np.isnan(adjust([np.nan, np.nan], method)).all()
    assert float(adjust(0.02, method)) == 0.02
    tied = adjust([0.01, 0.5, 0.01, 0.01], method)
    assert tied[0] == tied[2] == tied[3]
    assert adjust([1.0, 1.0], method).tolist() == [1.0, 1.0]
    assert adjust([0.0, 1.0], method)[0] == 0.0


def test_what_each_bounds_is_in_the_order_of_how_much_it_asks() -> None:
    p = np.random.default_rng(7).random(200) ** 5
    bh, by, holm, bonferroni = (adjust(p, m) for m in ("bh", "by", "holm", "bonferroni"))
    assert (bh <= by).all()
    assert (bh <= holm).all()
    assert (holm <= bonferroni).all()


def test_bad_input() -> None:
    with pytest.raises(ValueError, match=r"p_values must lie between 0 and 1.*got 1\.5"):
        adjust([0.1, 1.5], "bh")
    with pytest.raises(ValueError, match="method must be one of bonferroni, holm, bh, by"):
        adjust([0.1], "fdr")
    with pytest.raises(TypeError, match="p_values"):
        adjust(["a"], "bh")
