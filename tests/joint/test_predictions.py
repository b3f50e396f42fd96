"""Joint tables of soft predictions, from arrays."""

from __future__ import annotations

import numpy as np
import pytest
from predictions import CASES, HARD, NX, NY, SOFT, WEIGHTS, N, X, Y, by_definition

import fastpid
from fastpid.joint import from_predictions


@pytest.mark.parametrize("z", [HARD, SOFT], ids=["hard", "soft"])
@pytest.mark.parametrize("options", CASES)
def test_is_the_definition(z, options) -> None:
    p = from_predictions(X, Y, z, **options)
    np.testing.assert_allclose(p, by_definition(z, **options), atol=1e-15)
    assert fastpid.decompose(p).converged


def test_takes_logits_and_absent_classes() -> None:
    logits = (np.log(X) + 3.0, np.log(Y) - 1.0)
    np.testing.assert_allclose(
        from_predictions(*logits, HARD, logits=True), by_definition(HARD), atol=1e-15
    )
    p = from_predictions(X, Y, HARD, num_classes=7)
    assert p.shape == (NX, NY, 7)
    assert p[..., 5:].sum() == 0.0
    single = from_predictions(X.astype(np.float32), Y.astype(np.float32), HARD)
    np.testing.assert_allclose(single, by_definition(HARD), atol=1e-7)


@pytest.mark.parametrize(
    ("arguments", "options", "error", "text"),
    [
        ((X[:10], Y, HARD), {}, ValueError, "probs_y has shape"),
        ((X, Y, HARD[:10]), {}, ValueError, "z has shape"),
        ((2 * X, Y, HARD), {}, ValueError, "row 0 of probs_x sums to 2"),
        ((X, -Y, HARD), {}, ValueError, "probs_y has a negative entry"),
        ((X, Y, SOFT * 0.5), {}, ValueError, "row 0 of z sums to 0.5"),
        ((X, Y, HARD - 1), {}, ValueError, "labels from -1"),
        ((X, Y, HARD), {"num_classes": 3}, ValueError, "num_classes=3"),
        ((X, Y, HARD), {"num_classes": 0}, ValueError, "num_classes must be between 1"),
        ((X, Y, SOFT), {"num_classes": 3}, ValueError, "leave num_classes out"),
        ((X, Y, HARD.astype(float)), {}, TypeError, "integer labels"),
        ((X, Y, HARD), {"weights": -WEIGHTS}, ValueError, "weights must be finite"),
        ((X, Y, HARD), {"weights": 0 * WEIGHTS}, ValueError, "no samples are left"),
        ((X, Y, HARD), {"mask": np.zeros(N, dtype=bool)}, ValueError, "no samples are left"),
        ((X, Y, HARD), {"mask": np.ones(N)}, TypeError, "mask must hold bools"),
        ((X, Y, HARD), {"logits": 1}, TypeError, "logits must be True or False"),
        ((X[:0], Y[:0], HARD[:0]), {}, ValueError, "one of each at least"),
        ((X * 1j, Y, HARD), {}, TypeError, "must be real"),
    ],
)
def test_bad_input(arguments, options, error, text) -> None:
    with pytest.raises(error, match=text):
        from_predictions(*arguments, **options)


@pytest.mark.parametrize("soft", [False, True])
def test_many_predictions_are_the_definition(soft: bool) -> None:
    rng = np.random.default_rng(5)
    probs = [rng.dirichlet(np.ones(k), 30) for k in (2, 3, 4)]
    z = rng.dirichlet(np.ones(3), 30) if soft else rng.integers(0, 3, 30)
    weights, mask = rng.random(30), rng.random(30) < 0.8
    labels = z if soft else np.eye(3)[z]
    wanted = np.einsum("i,ia,ib,ic,iz->abcz", weights * mask, *probs, labels)
    options = {"weights": weights, "mask": mask}
    table = fastpid.joint.from_many_predictions(probs, z, **options)
    assert table == pytest.approx(wanted / wanted.sum(), abs=1e-15)
    two = fastpid.joint.from_many_predictions(probs[:2], z, **options)
    assert two == pytest.approx(fastpid.joint.from_predictions(*probs[:2], z, **options), abs=1e-15)
    logits = [np.log(each) for each in probs]
    table = fastpid.joint.from_many_predictions(logits, z, logits=True, **options)
    assert table == pytest.approx(wanted / wanted.sum(), abs=1e-14)


def test_many_predictions_in_pieces(monkeypatch) -> None:
    from fastpid.joint import _predictions

    rng = np.random.default_rng(6)
    probs, z = [rng.dirichlet(np.ones(3), 50) for _ in range(4)], rng.integers(0, 2, 50)
    whole = fastpid.joint.from_many_predictions(probs, z)
    monkeypatch.setattr(_predictions, "_CELLS_AT_A_TIME", 100)
    assert fastpid.joint.from_many_predictions(probs, z) == pytest.approx(whole, abs=1e-15)


def test_bad_many_predictions() -> None:
    probs, z = np.full((3, 5, 2), 0.5), np.arange(5) % 2
    with pytest.raises(TypeError, match=r"pass list\(probs\)"):
        fastpid.joint.from_many_predictions(probs, z)
    with pytest.raises(ValueError, match="probs holds 1 predictions"):
        fastpid.joint.from_many_predictions([probs[0]], z)
    with pytest.raises(ValueError, match=r"probs\[2\] has shape \(4, 2\), but probs\[0\] has 5"):
        fastpid.joint.from_many_predictions([*probs[:2], probs[2, :4]], z)
    with pytest.raises(ValueError, match=r"probs\[1\]"):
        fastpid.joint.from_many_predictions([probs[0], 0.9 * probs[1]], z)
    with pytest.raises(ValueError, match="take fewer sources"):
        fastpid.joint.from_many_predictions([np.full((2, 100), 0.01)] * 5, [0, 1])
