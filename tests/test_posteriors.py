"""decompose_posteriors(): samples as symbols, raking, and clusters whose bracket holds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastpid
from fastpid._posteriors._clusters import assign, codebook, sums_of
from fastpid._posteriors._rake import CLOSE, rake
from fastpid.gates import random_dense


def posteriors(
    n: int, classes: int, signal: float, seed: int, labels: np.ndarray | None = None
) -> np.ndarray:
    """Exact posteriors of points around the corners of a simplex."""
    rng = np.random.default_rng(seed)
    z = rng.integers(0, classes, n) if labels is None else labels
    corners = signal * np.eye(classes)
    logits = (corners[z] + rng.normal(size=(n, classes))) @ corners.T
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)


X, Y = posteriors(300, 4, 1.5, 0), posteriors(240, 4, 1.0, 1)


# Samples as symbols --------------------------------------------------------------------------


def test_a_finite_source_gives_its_table() -> None:
    """Posteriors of the symbols of a table, as often as they occur: that table's decomposition."""
    p = random_dense((3, 4, 3), rng=0)
    p_xz, p_yz = p.sum(axis=1), p.sum(axis=0)
    counts_x = np.round(2000 * p_xz.sum(axis=1)).astype(int)
    counts_y = np.round(2000 * p_yz.sum(axis=1)).astype(int)
    rows_x = (p_xz / p_xz.sum(axis=1, keepdims=True)).repeat(counts_x, axis=0)
    rows_y = (p_yz / p_yz.sum(axis=1, keepdims=True)).repeat(counts_y, axis=0)
    d = fastpid.decompose_posteriors(rows_x, rows_y, p_z=p.sum(axis=(0, 1)), tol=1e-8)
    expected = fastpid.decompose(p)
    for name in ("redundancy", "unique_x", "unique_y", "mi_x", "mi_y"):
        assert getattr(d, name) == pytest.approx(getattr(expected, name), abs=5e-3)


def test_symbols_are_samples() -> None:
    d = fastpid.decompose_posteriors(X, Y, tol=1e-4)
    target = 0.5 * (X.mean(axis=0) + Y.mean(axis=0))
    a = rake("x", X, np.full(300, 1 / 300), target) / 300
    b = rake("y", Y, np.full(240, 1 / 240), target) / 240
    expected = fastpid.decompose_marginals(a, b, tol=1e-4)
    assert (d.lower, d.upper, d.mi_x) == pytest.approx(
        (expected.lower, expected.upper, expected.mi_x), abs=1e-12
    )
    assert d.details["n_symbols_x"] == 300
    assert d.details["n_symbols_y"] == 240
    assert d.details["lost_x"] == d.details["lost_y"] == 0.0
    assert np.isnan(d.synergy)
    assert d.converged


def test_order_does_not_matter_and_weights_are_repetitions() -> None:
    rng = np.random.default_rng(0)
    x, y = X[:100], Y[:100]
    d = fastpid.decompose_posteriors(x, y, tol=1e-6)
    e = fastpid.decompose_posteriors(rng.permutation(x), rng.permutation(y), tol=1e-6)
    assert d.redundancy == pytest.approx(e.redundancy, abs=1e-6)
    weights = rng.integers(0, 4, 100)
    weighted = fastpid.decompose_posteriors(x, y, weights=weights, tol=1e-6)
    repeated = fastpid.decompose_posteriors(
        x.repeat(weights, axis=0), y.repeat(weights, axis=0), tol=1e-6
    )
    for name in ("redundancy", "unique_x", "mi_y"):
        assert getattr(weighted, name) == pytest.approx(getattr(repeated, name), abs=2e-6)


def test_mi_xy_gives_the_synergy() -> None:
    d = fastpid.decompose_posteriors(X, Y, mi_xy=1.5)
    assert d.synergy == pytest.approx(1.5 - d.union_information)
    with pytest.raises(ValueError, match="below the union information"):
        fastpid.decompose_posteriors(X, Y, mi_xy=0.1)
    nats = fastpid.decompose_posteriors(X, Y, mi_xy=1.2, unit="nats", tol=0.007)
    assert nats.mi_x == pytest.approx(d.mi_x * np.log(2.0), abs=1e-12)
    assert nats.mi_xy == pytest.approx(1.2)


# Clusters ------------------------------------------------------------------------------------


@given(
    n=st.integers(1, 60),
    m=st.integers(1, 60),
    classes=st.integers(1, 5),
    n_symbols=st.integers(1, 30),
    signal=st.sampled_from([0.1, 1.0, 3.0]),
    seed=st.integers(0, 1000),
)
@settings(max_examples=80, deadline=None)
def test_the_bracket_of_clusters_contains_the_exact_answer(
    n: int, m: int, classes: int, n_symbols: int, signal: float, seed: int
) -> None:
    x, y = posteriors(n, classes, signal, seed), posteriors(m, classes, signal, seed + 1)
    p_z = 0.5 * (x.mean(axis=0) + y.mean(axis=0))
    far = 0.5 * max(np.abs(part.mean(axis=0) - p_z).sum() for part in (x, y))
    if far > 0.1:
        return
    exact = fastpid.decompose_posteriors(x, y, n_symbols=100, tol=1e-6, on_failure="ignore")
    d = fastpid.decompose_posteriors(x, y, n_symbols=n_symbols, tol=1e-2, on_failure="ignore")
    assert d.details["n_symbols_x"] <= max(n_symbols, n if n_symbols >= max(n, m) else 0)
    assert d.lower <= exact.upper + 1e-9
    assert exact.lower <= d.upper + 1e-9
    assert max(d.mi_x, d.mi_y) <= d.lower + 1e-9
    assert d.mi_x == pytest.approx(exact.mi_x, abs=1e-8)
    lost = d.details["lost_x"] + d.details["lost_y"]
    assert d.gap <= lost + 1e-2 + 1e-9
    assert d.converged == (d.gap <= 1e-2)


def test_more_symbols_lose_less_and_the_tolerance_decides() -> None:
    x, y = posteriors(3000, 3, 1.5, 0), posteriors(3000, 3, 1.5, 1)
    lost = []
    for n_symbols in (5, 20, 80):
        d = fastpid.decompose_posteriors(x, y, n_symbols=n_symbols, on_failure="ignore")
        lost.append(d.details["lost_x"])
        assert d.details["n_symbols_x"] <= n_symbols
    assert lost[0] > 3 * lost[1] > 9 * lost[2]
    for tol in (0.1, 0.02):
        d = fastpid.decompose_posteriors(x, y, tol=tol)
        assert d.converged
        assert d.gap <= tol
    assert d.details["n_symbols_x"] > 50
    with pytest.warns(fastpid.ConvergenceWarning, match="accept the gap reported"):
        fastpid.decompose_posteriors(x, y, n_symbols=5)
    with pytest.raises(fastpid.ConvergenceError):
        fastpid.decompose_posteriors(x, y, n_symbols=5, on_failure="raise")


def test_one_codebook_makes_equal_sources_equal() -> None:
    x = posteriors(3000, 3, 1.5, 0)
    d = fastpid.decompose_posteriors(x, x[::-1], n_symbols=30, on_failure="ignore")
    assert d.lower == pytest.approx(d.mi_x, abs=1e-9)
    # The clusters' own unique information is none.
    lost = d.details["lost_x"] + d.details["lost_y"]
    assert d.upper <= d.mi_x - d.details["lost_x"] + lost + 0.006


def test_seeds_and_threads() -> None:
    x, y = posteriors(2500, 3, 1.5, 0), posteriors(2500, 3, 1.5, 1)
    options = {"n_symbols": 40, "on_failure": "ignore"}
    one = fastpid.decompose_posteriors(x, y, rng=1, **options)
    assert one == fastpid.decompose_posteriors(x, y, rng=1, threads=2, **options)
    assert one != fastpid.decompose_posteriors(x, y, rng=2, **options)


def test_clusters_are_kept_and_summed() -> None:
    rng = np.random.default_rng(0)
    rows, weights = posteriors(500, 3, 2.0, 0), rng.random(500)
    centres = codebook(rows, weights, 12, rng)
    labels = assign(rows, centres)
    divergence = np.sum(rows[:, None] * np.log(rows[:, None] / centres[None]), axis=2)
    assert (divergence[np.arange(500), labels] <= divergence.min(axis=1) + 1e-5).all()
    sums, mass = sums_of(rows, weights, labels, 12)
    np.testing.assert_allclose(sums.sum(axis=0), weights @ rows, rtol=1e-12)
    np.testing.assert_allclose(sums.sum(axis=1), mass, rtol=1e-12)
    same = np.repeat(rows[:1], 50, axis=0)
    assert len(codebook(same, np.ones(50), 5, rng)) == 1  # no more clusters than distinct rows


# Bias ----------------------------------------------------------------------------------------


def test_the_bias_of_equal_channels_is_found_and_none_where_there_is_none() -> None:
    """Two views through one channel: their unique informations are zero."""
    left, found = [], []
    for seed in range(3):
        labels = np.random.default_rng(seed).integers(0, 5, 600)
        x, y = (posteriors(600, 5, 1.5, 2 * seed + i, labels) for i in range(2))
        plain = fastpid.decompose_posteriors(x, y, tol=2e-3)
        d = fastpid.decompose_posteriors(x, y, tol=2e-3, bias="extrapolation")
        assert (d.lower, d.upper) == (plain.lower, plain.upper)  # the certificate is untouched
        assert "bias" not in plain.details
        unique = 0.5 * (d.unique_x + d.unique_y)
        found.append(d.details["bias"])
        left.append(unique - d.details["bias"])
        assert 0.2 * unique < d.details["bias"] < 1.6 * unique
    assert abs(np.mean(left)) < 0.5 * np.mean(found)
    y = posteriors(600, 5, 0.3, 9)
    unequal = fastpid.decompose_posteriors(x, y, tol=2e-3, bias="extrapolation")
    assert abs(unequal.details["bias"]) < 0.02
    clustered = fastpid.decompose_posteriors(
        x, y, n_symbols=50, tol=2e-3, bias="extrapolation", on_failure="ignore"
    )
    assert abs(clustered.details["bias"]) < 0.02
    with pytest.raises(ValueError, match="posteriors_x has 12 of them for 5 classes"):
        fastpid.decompose_posteriors(x[:12], y, bias="extrapolation", p_z=x[:12].mean(axis=0))
    with pytest.raises(ValueError, match="bias must be one of none, extrapolation"):
        fastpid.decompose_posteriors(x, y, bias="qe")  # type: ignore[arg-type]


# Raking --------------------------------------------------------------------------------------


def test_raking_tilts_by_class_and_nothing_else() -> None:
    weights = np.random.default_rng(0).dirichlet(np.ones(300))
    target = X.mean(axis=0) * [0.9, 1.1, 1.0, 1.0]
    target /= target.sum()
    raked = rake("x", X, weights, target)
    np.testing.assert_allclose(weights @ raked, target, rtol=0, atol=CLOSE)
    np.testing.assert_allclose(raked.sum(axis=1), 1.0, rtol=1e-12)
    odds = raked / X
    tilt = odds / odds[:, :1]
    np.testing.assert_allclose(tilt, np.broadcast_to(tilt[:1], tilt.shape), rtol=1e-9)


def test_what_cannot_be_raked_is_refused_with_the_class() -> None:
    certain = np.eye(2)[np.array([0] * 52 + [1] * 48)]
    unsure = np.full((100, 2), 0.5)
    with pytest.raises(ValueError, match=r"posteriors_x cannot be tilted .*class 0 .*are certain"):
        fastpid.decompose_posteriors(certain, unsure)
    assert fastpid.decompose_posteriors(certain, unsure, p_z=[0.52, 0.48]).unique_y < 1e-2
    with pytest.raises(ValueError, match=r"posteriors_y is 0.4 from p.z. in total variation"):
        fastpid.decompose_posteriors(unsure, np.tile([0.1, 0.9], (9, 1)), p_z=[0.5, 0.5])
    d = fastpid.decompose_posteriors(unsure, np.tile([0.45, 0.55], (9, 1)), p_z=[0.5, 0.5])
    assert d.details["raked_y"] == pytest.approx(0.05)
    assert d.details["raked_x"] == 0.0


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"posteriors_x": np.log(X)}, r"row 0 of posteriors_x has a negative entry.*not logits"),
        ({"posteriors_y": 2 * Y}, "row 0 of posteriors_y sums to 2"),
        ({"posteriors_y": np.where(Y > 2, 0, np.nan)}, "row 0 of posteriors_y sums to nan"),
        ({"posteriors_x": X[0]}, r"posteriors_x must have shape \(n, nz\)"),
        ({"posteriors_x": X[:0]}, r"got shape \(0, 4\)"),
        ({"posteriors_y": posteriors(9, 3, 1.0, 0)}, "posteriors_x has 4 classes and .* 3"),
        ({"weights": np.ones(300)}, "300 samples in posteriors_x, 240 samples in posteriors_y"),
        ({"p_z": [0.5, 0.5]}, r"p_z has shape \(2,\), and there are 4 classes"),
        ({"p_z": [0.5, 0.5, 0.5, 0.5]}, "they sum to 2"),
        ({"n_symbols": 0}, "n_symbols must be between 1"),
        ({"tol": -1.0}, "tol must be positive"),
    ],
)
def test_bad_values(change: dict[str, object], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        fastpid.decompose_posteriors(**{"posteriors_x": X, "posteriors_y": Y, **change})


def test_bad_weights_and_types() -> None:
    x, y = X[:50], Y[:50]
    for weights in (-np.ones(50), np.zeros(50), np.full(50, np.nan)):
        with pytest.raises(ValueError, match="weights must be finite, not negative"):
            fastpid.decompose_posteriors(x, y, weights=weights)
    with pytest.raises(TypeError, match="n_symbols must be a positive integer"):
        fastpid.decompose_posteriors(x, y, n_symbols=3.5)
    with pytest.raises(TypeError, match="posteriors_x must be a real-valued array"):
        fastpid.decompose_posteriors([["a", "b"]], y)
    torch = pytest.importorskip("torch")
    with pytest.raises(TypeError, match="posteriors_y is a torch tensor"):
        fastpid.decompose_posteriors(x, torch.from_numpy(y))
