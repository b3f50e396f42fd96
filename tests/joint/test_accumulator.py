"""Tables from pieces."""

from __future__ import annotations

import numpy as np
import pytest

from fastpid.joint import (
    Discretizer,
    JointAccumulator,
    from_samples,
)


def numbers(n: int = 500, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=n)


def test_pieces_make_up_the_whole() -> None:
    rng = np.random.default_rng(0)
    x, y, z = numbers(500), rng.choice(["b", "a", "c"], 500), rng.integers(0, 3, 500)
    weights = rng.random(500)
    edges = [-9.0, -0.5, 0.5, 9.0]
    for w in (None, weights):
        whole = from_samples(x, y, z, bins={"x": edges}, weights=w)
        pieces = JointAccumulator(x=edges)
        for part in np.array_split(np.arange(500), 7):
            pieces.partial_fit(x[part], y[part], z[part], weights=None if w is None else w[part])
        table = pieces.table()
        assert table.labels == whole.labels
        assert table.n_samples == 500
        np.testing.assert_array_equal(table.counts, whole.counts)
        np.testing.assert_allclose(table.p, whole.p, atol=1e-15)
        assert table.n_effective == pytest.approx(whole.n_effective)


def test_a_bad_piece_leaves_the_rest() -> None:
    pieces = JointAccumulator(x=Discretizer(2).fit([0.0, 1.0]))
    pieces.partial_fit([0.1, 0.9], ["a", "b"], [0, 1])
    with pytest.raises(ValueError, match="outside the edges"):
        pieces.partial_fit([0.1, 2.0], ["c", "b"], [0, 1])
    with pytest.raises(TypeError, match="y is integer here and was string before"):
        pieces.partial_fit([0.1, 0.9], [3, 4], [0, 1])
    with pytest.raises(ValueError, match="pass weights with all or with none"):
        pieces.partial_fit([0.1, 0.9], ["a", "b"], [0, 1], weights=[1.0, 2.0])
    assert pieces.n_samples == 2
    assert pieces.table().labels[1] == ("a", "b")
    with pytest.raises(TypeError, match="x must be edges or a fitted Discretizer"):
        JointAccumulator(x=4)
    with pytest.raises(ValueError, match="not fitted"):
        JointAccumulator(x=Discretizer(4))
    with pytest.raises(ValueError, match="no samples"):
        JointAccumulator().table()
