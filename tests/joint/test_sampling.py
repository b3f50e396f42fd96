"""How much of a distribution samples have seen."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import fastpid
from fastpid.joint import from_counts, from_samples
from fastpid.joint._sampling import coverage_of


def test_coverage_is_good_and_turings() -> None:
    counts = np.array([[[5, 1], [0, 2]], [[1, 3], [4, 4]]])
    s = from_counts(counts).sampling
    assert s.coverage == pytest.approx(1 - 2 / 20)
    assert (s.n_samples, s.n_occupied, s.shape) == (20, 7, (2, 2, 2))
    assert s.samples_per_occupied_cell == pytest.approx(20 / 7)
    assert s.samples_per_cell == pytest.approx(20 / 8)
    assert s.is_sufficient
    assert s.advice == ""
    assert s.n_wanted is None
    assert pickle.loads(pickle.dumps(s)) == s


def test_coverage_is_about_what_was_seen() -> None:
    """Good-Turing against the probability of the cells that were seen, which is known here."""
    p = np.random.default_rng(0).dirichlet(np.full(64, 0.5))
    off = []
    for seed in range(200):
        counts = np.random.default_rng(seed).multinomial(100, p)
        estimated = from_counts(counts.reshape(4, 4, 4)).sampling.coverage
        off.append(estimated - p[counts > 0].sum())
    assert abs(np.mean(off)) < 0.01


def test_so_many_samples_are_about_enough() -> None:
    p = np.random.default_rng(0).dirichlet(np.ones(150)).reshape(5, 5, 6)
    for n in (60, 100, 200):
        wanted, reached = [], []
        for seed in range(60):
            rng = np.random.default_rng([seed, n])
            s = from_counts(rng.multinomial(n, p.ravel()).reshape(p.shape)).sampling
            assert not s.is_sufficient
            assert s.n_wanted is not None
            wanted.append(s.n_wanted)
            again = rng.multinomial(s.n_wanted, p.ravel())
            reached.append(p.ravel()[again > 0].sum())
        assert 0.8 < np.mean(reached) < 0.95
        assert min(wanted) > n


def test_advice_says_what_to_do() -> None:
    rng = np.random.default_rng(0)
    s = from_samples(
        rng.integers(0, 8, 50), rng.integers(0, 8, 50), rng.integers(0, 4, 50)
    ).sampling
    for words in ("50 samples in 8 x 8 x 4 symbols cover", "fewer symbols or bins", "samples"):
        assert words in s.advice
    assert "% covered" in str(s)


def test_weights_that_leave_few_samples_are_noticed() -> None:
    rng = np.random.default_rng(0)
    x, y, z = rng.integers(0, 2, (3, 200))
    weights = np.full(200, 1e-3)
    weights[:3] = 1.0
    with pytest.warns(fastpid.UndersampledWarning, match="leave 3.* effective samples of 200"):
        e = fastpid.estimate(x, y, z, weights=weights, n_permutations=19, n_bootstrap=20, rng=0)
    assert not e.sampling.is_sufficient
    assert "less unequal weights" in e.sampling.advice


def test_all_alone_is_nothing_covered() -> None:
    counts = np.zeros((3, 3, 3), dtype=int)
    counts[np.arange(3), np.arange(3), np.arange(3)] = 1
    counts[0, 1, 2] = 1
    s = from_counts(counts).sampling
    assert s.coverage == 0.0
    assert s.n_wanted is not None
    assert s.n_wanted > 4


def test_coverage_of_many_tables_is_that_of_each() -> None:
    counts = np.random.default_rng(0).poisson(1.0, (20, 3, 3, 2))
    p = counts / counts.sum(axis=(1, 2, 3), keepdims=True)
    coverage, occupied = coverage_of(counts, p)
    for i, table in enumerate(counts):
        s = from_counts(table).sampling
        assert (s.coverage, s.n_occupied) == (pytest.approx(coverage[i]), occupied[i])
