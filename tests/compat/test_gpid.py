"""The call of gpid: the target first in the covariance, bits, whitened couplings."""

from __future__ import annotations

import numpy as np
import pytest

import fastpid
from fastpid.compat.gpid import exact_gauss_tilde_pid

M, X, Y = 2, 3, 2
N = M + X + Y


def covariance(seed: int) -> np.ndarray:
    a = np.random.default_rng(seed).normal(size=(N, 2 * N))
    return a @ a.T / (2 * N)


def objective(sig: np.ndarray, hx: np.ndarray, hy: np.ndarray) -> float:
    """Venkatesh and others 2023: information of a whitened channel pair with noise correlation."""
    noise = np.block([[np.eye(len(hx)), sig], [sig.T, np.eye(len(hy))]])
    both = np.vstack([hx, hy])
    return 0.5 * np.linalg.slogdet(np.eye(M) + both.T @ np.linalg.solve(noise, both))[1] / np.log(2)


def root(a: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(a)
    return (vectors * np.sqrt(values)) @ vectors.T


def whitened(cov: np.ndarray, part: slice) -> np.ndarray:
    cross = cov[part, :M]
    noise = cov[part, part] - cross @ np.linalg.solve(cov[:M, :M], cross.T)
    return np.linalg.solve(root(noise), cross @ np.linalg.inv(root(cov[:M, :M])))


def test_values_and_their_order() -> None:
    cov = covariance(0)
    imx, imy, imxy, union, obj, uix, uiy, ri, si = exact_gauss_tilde_pid(cov, M, X, Y)

    def information(part: slice) -> float:
        logs = [np.linalg.slogdet(a)[1] for a in (cov[:M, :M], cov[part, part])]
        joint = np.r_[0:M, part]
        return 0.5 * (sum(logs) - np.linalg.slogdet(cov[np.ix_(joint, joint)])[1]) / np.log(2)

    assert imx == pytest.approx(information(slice(M, M + X)))
    assert imy == pytest.approx(information(slice(M + X, N)))
    assert imxy == pytest.approx(information(slice(M, N)))
    assert union == obj
    assert uix == pytest.approx(union - imy, abs=1e-12)
    assert uiy == pytest.approx(union - imx, abs=1e-12)
    assert ri == pytest.approx(imx + imy - union, abs=1e-12)
    assert si == pytest.approx(imxy - union, abs=1e-12)


def test_the_whitened_coupling_attains_the_union_and_none_nearby_is_less() -> None:
    rng = np.random.default_rng(1)
    for seed in range(3):
        cov = covariance(seed)
        found = exact_gauss_tilde_pid(cov, M, X, Y, ret_t_sigt=True)
        union, sig = found[3], found[-1]
        assert found[9:12] == (None, None, None)
        assert sig.shape == (X, Y)
        hx, hy = whitened(cov, slice(M, M + X)), whitened(cov, slice(M + X, N))
        assert np.linalg.norm(sig, 2) <= 1 + 1e-9
        inside = sig * (1 - 1e-7)
        assert objective(inside, hx, hy) == pytest.approx(union, abs=1e-5)
        for _ in range(20):
            other = sig + 0.05 * rng.normal(size=sig.shape)
            other /= max(1.0, np.linalg.norm(other, 2) * (1 + 1e-7))
            assert objective(other, hx, hy) > union - 1e-9


def test_a_batch_and_the_correction_of_bias() -> None:
    covs = np.stack([covariance(seed) for seed in range(3)])
    batch = exact_gauss_tilde_pid(covs, M, X, Y, unbiased=True, sample_size=200, ret_t_sigt=True)
    assert batch[-1].shape == (3, X, Y)
    for k, cov in enumerate(covs):
        plain = exact_gauss_tilde_pid(cov, M, X, Y)
        one = exact_gauss_tilde_pid(cov, M, X, Y, unbiased=True, sample_size=200)
        np.testing.assert_allclose([v[k] for v in batch[:9]], one, atol=1e-9)
        assert one[0] < plain[0]
        assert one[4] == plain[3]
        assert min(one[5:]) >= 0.0
        assert sum(one[5:]) == pytest.approx(one[2])
    # What independent variables seem to say is what is taken out.
    rng = np.random.default_rng(0)
    left = [
        exact_gauss_tilde_pid(np.cov(rng.normal(size=(N, 50))), M, X, Y, **options)[2]
        for _ in range(100)
        for options in ({}, {"unbiased": True, "sample_size": 50})
    ]
    assert np.mean(left[1::2]) < 0.4 * np.mean(left[::2])


def test_bad_arguments() -> None:
    cov = covariance(0)
    for change, error, words in (
        ({"dm": 3}, ValueError, "cov must be 8 x 8"),
        ({"dx": 0}, ValueError, "dx must be between 1"),
        ({"dy": 1.5}, TypeError, "dy must be a positive integer"),
        ({"plot": True}, ValueError, "plot must be False"),
        ({"unbiased": True}, ValueError, "needs sample_size"),
        ({"unbiased": True, "sample_size": N}, ValueError, "larger than the 7 dimensions"),
    ):
        with pytest.raises(error, match=words):
            exact_gauss_tilde_pid(**{"cov": cov, "dm": M, "dx": X, "dy": Y, **change})
    with pytest.raises(ValueError, match="symmetric"):
        exact_gauss_tilde_pid(cov + np.triu(np.ones((N, N)), 1), M, X, Y)


def test_agrees_with_the_decomposition_of_the_other_order() -> None:
    cov = covariance(3)
    order = [*range(M, N), *range(M)]
    d = fastpid.gaussian.decompose(cov[np.ix_(order, order)], (X, Y, M))
    found = exact_gauss_tilde_pid(cov, M, X, Y)
    np.testing.assert_allclose(
        found[5:], [d.unique_x, d.unique_y, d.redundancy, d.synergy], atol=1e-9
    )
