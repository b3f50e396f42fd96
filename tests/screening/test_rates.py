"""Screens with tests: what they hold, find, agree with, and do not depend on."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastpid
from fastpid._base.compare import same
from fastpid._base.multiple_tests import METHODS, adjust
from fastpid._base.quantities import ATOMS
from fastpid.joint import from_samples
from fastpid.screening._tests import TestPlan as Plan
from fastpid.screening._tests import g_tests, tail_p_value


def data(n: int = 400, columns: int = 6, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Columns 0 and 1 say most of the target together, column 2 some of it alone."""
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 3, (n, columns))
    u = rng.random(n)
    z = np.where(
        u < 0.4, (x[:, 0] + x[:, 1]) % 3, np.where(u < 0.7, x[:, 2], rng.integers(0, 3, n))
    )
    return x, z


@pytest.fixture(scope="module")
def tested() -> fastpid.Screen:
    return fastpid.screen(*data(), test="permutation", threads=1)


def test_what_is_there_is_found(tested: fastpid.Screen) -> None:
    pairs = {(int(r["x"]), int(r["y"])) for r in tested.significant(0.05, "synergy").records}
    assert pairs == {(0, 1)}
    pairs = {(int(r["x"]), int(r["y"])) for r in tested.significant(0.05, "unique_x").records}
    assert pairs == {(2, 3), (2, 4), (2, 5)}
    assert len(tested.significant(0.05, "redundancy")) == 0
    assert "p = " in repr(tested)
    assert tested.top(1, "p_synergy").records["x"][0] == 0


def test_g_is_that_of_a_contingency_table() -> None:
    stats = pytest.importorskip("scipy.stats")
    x, z = data()
    # A symbol of x that some strata lack: it takes no degree of freedom there.
    x[(x[:, 1] == 2) & (x[:, 0] == 2), 0] = 1
    counts = from_samples(x[:, 0], x[:, 1], z).counts.astype(float)
    p, valid = g_tests(counts[None])

    def g(tables: Any) -> float:
        total = df = 0.0
        for table in tables:
            table = table[table.any(axis=1)][:, table.any(axis=0)]
            found = stats.chi2_contingency(table, correction=False, lambda_="log-likelihood")
            total, df = total + found.statistic, df + found.dof
        return float(stats.chi2.sf(total, df))

    x_given_y, y_given_x = g(counts.swapaxes(0, 1)), g(counts)
    marginal = max(g([counts.sum(1)]), g([counts.sum(0)]))
    expected = [marginal, x_given_y, y_given_x, max(x_given_y, y_given_x)]
    np.testing.assert_allclose(p[0], expected, rtol=1e-9)
    assert valid.all()
    assert not g_tests(np.floor(counts / 12)[None])[1][0, 3]


def test_g_tests_hold_their_level() -> None:
    rng = np.random.default_rng(1)
    n, replicates = 400, 3000
    y, z = rng.integers(0, 3, (2, n))
    counts = np.zeros((replicates, 3, 3, 3))
    for table in counts:
        np.add.at(table, (np.where(rng.random(n) < 0.3, y, rng.integers(0, 3, n)), y, z), 1)
    p, valid = g_tests(counts)
    assert valid[:, 1].mean() > 0.9
    # 5%, and four binomial errors of it.
    refuted = (p[valid[:, 1], 1] <= 0.05).mean()
    assert refuted == pytest.approx(0.055, abs=0.021)


def test_screens_of_nothing_refute_nothing_too_often() -> None:
    rng = np.random.default_rng(2)
    false, refuted, count = 0, np.zeros(4), 0
    for seed in range(25):
        x, z = rng.integers(0, 3, (200, 6)), rng.integers(0, 2, 200)
        found = fastpid.screen(x, z, test="permutation", n_permutations=100, rng=seed)
        false += any(len(found.significant(0.1, atom)) > 0 for atom in ("synergy", "unique_x"))
        p = np.stack([found.values(f"p_{atom}") for atom in ATOMS])
        refuted += (p <= 0.05).sum(axis=1)
        count += len(found)
    assert false <= 9  # each at 10%: 25 trials of 20% at most have more in one of 60 cases
    assert (refuted / count <= 0.07).all()


def test_the_p_value_is_that_of_an_estimate() -> None:
    x, z = data(n=150, seed=5)
    found = fastpid.screen(x, z, test="permutation", n_permutations=2000, threads=1)
    pairs = [r for r in found.records if 0.02 < r["p_synergy"] < 0.19]
    assert pairs
    for record in pairs:
        e = fastpid.estimate(
            *(x[:, record["x"]], x[:, record["y"]], z),
            **{"ci": "none", "bias": "none", "n_permutations": 2000, "rng": 1},
        )
        p = e.p_values["synergy"]
        assert record["p_synergy"] == pytest.approx(p, abs=5 * np.sqrt(2 * p * (1 - p) / 2000))


def test_a_pair_of_separate_things_has_no_synergy() -> None:
    synergies = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        x, y, noise, other = rng.integers(0, 2, (4, 1000))
        one, two = (np.where(rng.random(1000) < 0.7, a, b) for a, b in ((x, noise), (y, other)))
        columns = np.column_stack([x, y]), 2 * one + two
        g = fastpid.screen(*columns, test="g").records[0]
        permuted = fastpid.screen(*columns, test="permutation", n_permutations=100).records[0]
        assert g["p_synergy"] < 1e-6  # what synergy needs is there
        assert permuted["p_unique_x"] < 1e-4
        assert permuted["p_unique_y"] < 1e-4
        synergies.append(permuted["p_synergy"])
    assert np.median(synergies) > 0.1
    assert min(synergies) > 1e-3


def test_a_fitted_tail_goes_on_where_draws_end() -> None:
    gamma = pytest.importorskip("scipy.stats").gamma(3.0, scale=0.01)
    draws = gamma.rvs(2000, random_state=np.random.default_rng(0))
    for p in (1e-5, 1e-8):
        found = tail_p_value(float(gamma.isf(p)), draws, 0.0, 0.0)
        assert 0.2 < np.log(found) / np.log(p) < 1.3
        assert tail_p_value(float(gamma.isf(p)), draws, 0.0, 1e-4) == 1e-4
    assert tail_p_value(1.0, np.zeros(99), 0.0, 0.0) == 0.01
    # Draws that are all the same have no tail: the G-test's word, but no more than their share.
    assert tail_p_value(1.0, np.zeros(99), 0.0, 1e-4) == 1e-4
    assert tail_p_value(1.0, np.zeros(99), 0.0, 0.5) == 0.01
    assert tail_p_value(0.0, draws, 0.0, 0.0) == 1.0


@pytest.mark.parametrize("method", METHODS)
def test_adjustment_counts_pairs_that_are_not_kept(tested: fastpid.Screen, method: str) -> None:
    for atom in ATOMS:
        p = tested.values(f"p_{atom}")
        np.testing.assert_array_equal(tested.adjusted(atom, method), adjust(p, method))
    best = fastpid.screen(*data(), test="permutation", threads=1, top_k=3, batch_size=4)
    np.testing.assert_array_equal(
        best.adjusted("synergy", method), tested.top(3).adjusted("synergy", method)
    )


def test_significant_pairs_that_were_not_kept_are_told(tested: fastpid.Screen) -> None:
    with pytest.warns(UserWarning, match="0 of 3 significant pairs .* raise top_k"):
        assert len(tested.top(1).significant(0.05, "unique_x")) == 0


def test_blocks_know_their_number_alone(tested: fastpid.Screen) -> None:
    blocks = list(fastpid.screen(*data(), test="permutation", batch_size=4, return_as="generator"))
    assert same(np.concatenate([block.records for block in blocks]), tested.records)
    by_block = np.concatenate([block.adjusted("synergy", "bonferroni") for block in blocks])
    np.testing.assert_array_equal(by_block, tested.adjusted("synergy", "bonferroni"))
    with pytest.raises(ValueError, match="needs the p-values of all pairs"):
        blocks[0].significant(0.1)


def test_nothing_depends_on_how_it_is_divided(tested: fastpid.Screen) -> None:
    assert fastpid.screen(*data(), test="permutation", threads=2, batch_size=5) == tested
    pytest.importorskip("joblib")
    assert fastpid.screen(*data(), test="permutation", n_jobs=2, batch_size=4) == tested
    assert fastpid.screen(*data(), test="permutation", rng=1) != tested


def test_a_checkpoint_has_the_tests(tested: fastpid.Screen, tmp_path: Path) -> None:
    path = tmp_path / "kept"
    options: dict[str, Any] = {"test": "permutation", "checkpoint": path}
    blocks = fastpid.screen(*data(), **options, batch_size=4, return_as="generator")
    next(blocks)
    blocks.close()
    assert fastpid.screen(*data(), **options, batch_size=6) == tested
    others: list[dict[str, Any]] = [{"rng": 1}, {"n_permutations": 300}, {"test": "g"}]
    for other in others:
        with pytest.raises(ValueError, match="holds another screen"):
            fastpid.screen(*data(), **{**options, **other})


def test_corrected_values_are_those_of_an_estimate() -> None:
    x, z = data()
    rng = np.random.default_rng(0)
    for weights in (None, rng.random(len(z))):
        found = fastpid.screen(x, z, tol=1e-9, weights=weights)
        for record in found.records[:5]:
            e = fastpid.estimate(
                *(x[:, record["x"]], x[:, record["y"]], z),
                **{"weights": weights, "bias": "miller_madow", "ci": "none", "n_permutations": 0},
            )
            for atom in ATOMS:
                assert record[f"corrected_{atom}"] == pytest.approx(e.corrected[atom], abs=1e-6)
        assert np.isnan(found.values("p_synergy")).all()


def test_weighted_samples_are_permuted() -> None:
    x, z = data()
    weights = np.random.default_rng(0).random(len(z))
    found = fastpid.screen(x, z, test="permutation", weights=weights, n_permutations=100)
    assert not np.isnan(found.values("p_synergy")).any()
    assert [(int(r["x"]), int(r["y"])) for r in found.significant(0.1).records] == [(0, 1)]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"test": "chance"}, "test must be one of none, g, permutation"),
        ({"test": "permutation", "n_permutations": 99}, "n_permutations=99 .* take 100 or more"),
        ({"test": "permutation", "n_permutations": -1}, "n_permutations must be 0 or more"),
        ({"test": "g", "weights": np.ones(400)}, 'test="g" counts samples.*"permutation"'),
    ],
)
def test_bad_options(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        fastpid.screen(*data(), **options)


def test_bad_questions(tested: fastpid.Screen) -> None:
    with pytest.raises(ValueError, match="level must lie between 0 and 1"):
        tested.significant(1.0)
    with pytest.raises(ValueError, match="atom must be one of"):
        tested.adjusted("mi_xy")
    with pytest.raises(ValueError, match="method must be one of"):
        tested.adjusted("synergy", "fdr")
    with pytest.raises(ValueError, match=r"by must be one of .* is by 'mi_xy'"):
        tested.top(3, "mi_xy").significant(0.1)
    with pytest.raises(ValueError, match="has no p-values"):
        fastpid.screen(*data()).adjusted("synergy")


def test_every_pair_draws_from_a_stream_of_its_own() -> None:
    plan = Plan.of("permutation", 100, False, np.random.SeedSequence(5, spawn_key=(2,)))
    assert plan.seed(7).spawn_key == (2, 7)
    assert plan.seed(7).entropy == 5


def test_nothing_is_refuted_without_degrees_of_freedom() -> None:
    counts = np.zeros((1, 2, 3, 2))
    counts[..., 0] = 10.0  # one symbol of the target
    assert g_tests(counts)[0].tolist() == [[1.0] * len(ATOMS)]


@pytest.mark.parametrize("test", ["g", "permutation"])
def test_scipy_is_asked_for_before_anything_is_solved(
    monkeypatch: pytest.MonkeyPatch, test: str
) -> None:
    monkeypatch.setitem(sys.modules, "scipy.special", None)
    with pytest.raises(ImportError, match=r"fastpid\[estimate\]"):
        fastpid.screen(*data(), test=test)
    with pytest.raises(ImportError, match=r"fastpid\[estimate\]"):
        fastpid.screening.network(data()[0])
    assert len(fastpid.screen(*data())) == 15
    assert fastpid.screening.network(data()[0], context="empirical").top(1)
