"""The calls of the multimodal-PID notebooks: nats, the target last."""

from __future__ import annotations

import numpy as np
import pytest

import fastpid
from fastpid import gates
from fastpid.compat.multimodal_pid import convert_data_to_distribution, get_measure


def test_measures_are_in_nats(capsys: pytest.CaptureFixture[str]) -> None:
    found = get_measure(gates.and_(), verbose=True)
    assert list(found) == ["redundancy", "unique1", "unique2", "synergy"]
    assert found["synergy"] == pytest.approx(0.5 * np.log(2), abs=1e-9)
    assert found["redundancy"] == pytest.approx(0.311278124459 * np.log(2), abs=1e-9)
    assert capsys.readouterr().out.count("\n") == 4
    get_measure(gates.and_())
    assert capsys.readouterr().out == ""


def test_the_published_model_agrees() -> None:
    pytest.importorskip("cvxpy")
    p = gates.random_dense((3, 4, 2), rng=0)
    wanted = fastpid.reference.cvx_pid(p, formulation="published", solver="CLARABEL", unit="nats")
    found = get_measure(p)
    assert found["unique1"] == pytest.approx(wanted.unique_x, abs=1e-6)
    assert found["unique2"] == pytest.approx(wanted.unique_y, abs=1e-6)
    batch = get_measure(np.stack([p, p]))
    np.testing.assert_array_equal(batch["synergy"], [found["synergy"]] * 2)
    with pytest.raises(ValueError, match="P must have at least 3 axes"):
        get_measure(p[0])


def test_samples_are_counted() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 4, (2, 300, 1))
    z = np.where(x > y, "more", "not")
    p, maps = convert_data_to_distribution(x, y, z)
    assert p.shape == (4, 4, 2)
    assert p.sum() == pytest.approx(1.0)
    assert maps[2] == {"more": 0, "not": 1}
    share = ((x == 3) & (y == 2) & (z == "more")).mean()
    assert p[maps[0][3], maps[1][2], maps[2]["more"]] == pytest.approx(share)
    with pytest.raises(ValueError, match=r"x1 must be of shape \(n,\) or \(n, 1\)"):
        convert_data_to_distribution(np.zeros((5, 2)), y, z)
