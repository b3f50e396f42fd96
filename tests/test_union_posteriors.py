"""union_posteriors(): any number of sources, samples or clusters of them as symbols."""

from __future__ import annotations

import numpy as np
import pytest

import fastpid

RANDOM = np.random.default_rng(0)


def sources(count: int, n: int, classes: int) -> list[np.ndarray]:
    return [RANDOM.dirichlet(np.full(classes, a), n) for a in np.linspace(0.4, 1.5, count)]


THREE = sources(3, 60, 3)


def test_two_sources_are_those_of_decompose_posteriors() -> None:
    for kept in ({"tol": 1e-6}, {"n_symbols": 20, "tol": 1e-6, "on_failure": "ignore"}):
        union = fastpid.union_posteriors(THREE[:2], **kept)
        d = fastpid.decompose_posteriors(*THREE[:2], **kept)
        assert union.lower == pytest.approx(d.lower, abs=2e-6)
        assert union.upper == pytest.approx(d.upper, abs=2e-6)
        assert union.mi == pytest.approx([d.mi_x, d.mi_y])
        assert union.converged == d.converged
        assert union.details["n_symbols"] == (d.details["n_symbols_x"], d.details["n_symbols_y"])
        assert union.details["lost"] == (d.details["lost_x"], d.details["lost_y"])


@pytest.mark.parametrize("unit", ["bits", "nats"])
def test_clusters_bracket_all_samples(unit: str) -> None:
    exact = fastpid.union_posteriors(THREE, n_symbols=60, tol=1e-5, unit=unit)
    assert exact.details["lost"] == (0.0, 0.0, 0.0)
    for n_symbols in (5, 15, 40):
        coarse = fastpid.union_posteriors(
            THREE, n_symbols=n_symbols, tol=1e-5, unit=unit, on_failure="ignore"
        )
        assert coarse.lower <= exact.upper
        assert coarse.upper >= exact.lower
        assert coarse.gap <= sum(coarse.details["lost"]) + 1e-5
        assert not coarse.converged
    assert coarse.mi == pytest.approx(exact.mi)


def test_what_is_known_of_sources_that_repeat() -> None:
    x, y, _ = THREE
    kept = {"tol": 1e-6, "n_symbols": 60, "p_z": np.full(3, 1 / 3)}
    pair = fastpid.union_posteriors([x, y], **kept)
    again = fastpid.union_posteriors([x, y, x[::-1]], **kept)
    # The order of samples means nothing, so that a source says nothing beyond itself.
    assert again.value == pytest.approx(pair.value, abs=1e-5)
    assert fastpid.union_posteriors(THREE, **kept).value > pair.value


def test_two_classes_have_a_closed_form_for_many_sources() -> None:
    many = sources(20, 300, 2)
    union = fastpid.union_posteriors(many, tol=1e-9)
    assert union.converged
    assert union.method == "exact"
    assert union.details["n_symbols"] == (300,) * 20


def test_the_tolerance_decides_how_many_symbols() -> None:
    three = sources(3, 2000, 3)
    union = fastpid.union_posteriors(three, tol=0.05)
    assert union.converged
    assert union.gap <= 0.05
    assert 20 <= max(union.details["n_symbols"]) < 188


@pytest.mark.parametrize(
    ("posteriors", "error", "message"),
    [
        (THREE[:1], ValueError, "holds 1 source"),
        (np.stack(THREE), TypeError, r"pass list\(posteriors\)"),
        (
            [THREE[0], THREE[1] @ np.array([[1, 0], [0, 1], [0, 1]])],
            ValueError,
            "classes",
        ),
        ([THREE[0], 2 * THREE[1]], ValueError, r"posteriors\[1\]"),
    ],
)
def test_what_is_refused(posteriors: list, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        fastpid.union_posteriors(posteriors)


def test_weights_are_of_all_sources() -> None:
    with pytest.raises(ValueError, match=r"10 samples in posteriors\[2\]"):
        fastpid.union_posteriors([*THREE[:2], THREE[2][:10]], weights=np.ones(60))


def test_a_gap_above_the_tolerance_warns() -> None:
    with pytest.warns(fastpid.ConvergenceWarning, match="union information of 3 sources"):
        fastpid.union_posteriors(THREE, n_symbols=5, tol=1e-4)
    with pytest.raises(fastpid.ConvergenceError):
        fastpid.union_posteriors(THREE, n_symbols=5, tol=1e-4, on_failure="raise")
