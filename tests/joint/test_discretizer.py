"""Discretizer, columns of frames, data in pieces, and the forms of other packages."""

from __future__ import annotations

import numpy as np
import pytest

import fastpid
from fastpid.joint import (
    Discretizer,
    from_samples,
)


def numbers(n: int = 500, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=n)


@pytest.mark.parametrize("strategy", ["quantile", "uniform", "kmeans"])
def test_bins_are_learnt_once(strategy: str) -> None:
    if strategy == "kmeans":
        pytest.importorskip("sklearn")
    column = numbers()
    fitted = Discretizer(4, strategy=strategy, outside="nearest").fit(column)
    codes = fitted.transform(column)[:, 0]
    assert fitted.n_symbols_ == 4
    assert set(codes.tolist()) == {0, 1, 2, 3}
    assert (np.diff(codes[np.argsort(column)]) >= 0).all()
    np.testing.assert_array_equal(fitted.transform([-9.0, 9.0])[:, 0], [0, 3])
    strict = Discretizer(4, strategy=strategy).fit(column)
    with pytest.raises(ValueError, match=r"X has 2 of 2 values outside the edges"):
        strict.transform([-9.0, 9.0])


def test_bayesian_blocks_find_their_number() -> None:
    pytest.importorskip("astropy")
    column = np.concatenate([numbers(200) - 5, numbers(200, 1) + 5])
    fitted = Discretizer(strategy="bayesian_blocks").fit(column)
    assert fitted.n_symbols_ >= 3
    table = from_samples(column, (column > 0).astype(int), [0, 1] * 200, strategy="bayesian_blocks")
    assert table.shape == (fitted.n_symbols_, 2, 2)
    with pytest.raises(ValueError, match="finds the number of bins itself"):
        Discretizer(3, strategy="bayesian_blocks").fit(column)


def test_categories_that_were_not_there_are_named() -> None:
    fitted = Discretizer().fit(["a", "b", "a"])
    np.testing.assert_array_equal(fitted.transform(["b", "a"])[:, 0], [1, 0])
    with pytest.raises(ValueError, match=r"1 values of unseen categories \(row 1, the first c\)"):
        fitted.transform(["a", "c"])
    with pytest.raises(ValueError, match="not fitted"):
        Discretizer().transform(["a"])


def test_several_columns_are_clustered() -> None:
    pytest.importorskip("sklearn")
    rng = np.random.default_rng(0)
    which = rng.integers(0, 3, 600)
    features = np.array([[0, 0], [8, 0], [0, 800]])[which] + rng.normal(size=(600, 2))
    for options in ({}, {"n_components": 2}, {"random_state": 5}):
        codes = Discretizer(3, **options).fit_transform(features)[:, 0]
        # One symbol for each cluster, whatever its number.
        assert len(set(zip(which.tolist(), codes.tolist(), strict=True))) == 3
    table = from_samples(features, [0, 1] * 300, which, bins={"x": 3})
    assert fastpid.decompose(table).mi_x == pytest.approx(
        fastpid.decompose(from_samples(which, [0, 1] * 300, which)).mi_x
    )
    assert table.labels[0] == ("cluster 0", "cluster 1", "cluster 2")
    again = Discretizer(3).fit(features)
    np.testing.assert_array_equal(again.transform(features), Discretizer(3).fit_transform(features))
    with pytest.raises(ValueError, match="fitted to 2"):
        again.transform(np.zeros((3, 4)))
    with pytest.raises(ValueError, match=r"got shape \(600, 2\): say into how many"):
        from_samples(features, [0, 1] * 300, which)
    with pytest.raises(ValueError, match="distinct samples, fewer than the 9"):
        Discretizer(9).fit(np.ones((20, 2)))
    with pytest.raises(ValueError, match="n_components is 3"):
        Discretizer(3, n_components=3).fit(features)


def test_many_samples_go_through_mini_batches() -> None:
    pytest.importorskip("sklearn")
    rng = np.random.default_rng(0)
    which = rng.integers(0, 2, 12_000)
    codes = Discretizer(2).fit_transform(which[:, None] * 9.0 + rng.normal(size=(12_000, 3)))[:, 0]
    assert len(set(zip(which.tolist(), codes.tolist(), strict=True))) == 2


def test_parameters_are_those_of_the_constructor() -> None:
    d = Discretizer(4, strategy="uniform")
    assert d.get_params()["strategy"] == "uniform"
    assert repr(d.set_params(bins=3)) == "Discretizer(bins=3, strategy='uniform')"
    with pytest.raises(ValueError, match="'bin' is no parameter"):
        d.set_params(bin=3)
    sklearn = pytest.importorskip("sklearn.base")
    assert sklearn.clone(d).get_params() == d.get_params()


def test_a_fitted_discretizer_goes_where_bins_go() -> None:
    train, test = numbers(300), numbers(100, 1)
    fitted = Discretizer(3, outside="nearest").fit(train)
    z = (test > 0).astype(int)
    table = from_samples(test, z, z, bins={"x": fitted})
    np.testing.assert_array_equal(table.counts_along(0), np.bincount(fitted.transform(test)[:, 0]))
    assert table.labels[0] == fitted.labels_
