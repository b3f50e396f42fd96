"""The tails of gamma and chi-square laws, against scipy and against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fastpid._base.gamma_tail import chi_square_tail, gamma_tail


def test_it_agrees_with_scipy() -> None:
    special = pytest.importorskip("scipy.special")
    rng = np.random.default_rng(0)
    shape = 10.0 ** rng.uniform(-2, 3, 3000)
    x = shape * 10.0 ** rng.uniform(-2, 1, 3000)
    expected = special.gammaincc(shape, x)
    seen = expected > 1e-250
    np.testing.assert_allclose(gamma_tail(shape, x)[seen], expected[seen], rtol=1e-11)


def test_closed_forms() -> None:
    x = np.array([0.0, 0.3, 1.0, 5.0, 40.0])
    np.testing.assert_allclose(gamma_tail(np.array(1.0), x), np.exp(-x), rtol=1e-13)
    np.testing.assert_allclose(gamma_tail(np.array(2.0), x), np.exp(-x) * (1 + x), rtol=1e-13)
    normal = [math.erfc(math.sqrt(v / 2)) for v in x]
    np.testing.assert_allclose(chi_square_tail(x, np.array(1)), normal, rtol=1e-12)
    assert chi_square_tail(np.array([3.0, -1e-12]), np.array([0, 2])).tolist() == [1.0, 1.0]
