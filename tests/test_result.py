"""The Decomposition: its views, its text, its conversions."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from families import table

import fastpid
from fastpid import Status
from fastpid.result import Decomposition


@pytest.fixture
def one() -> Decomposition:
    return fastpid.decompose(fastpid.gates.and_())


@pytest.fixture
def many() -> Decomposition:
    return fastpid.decompose(
        np.stack([table("dense", (3, 3, 3), s) for s in range(6)]).reshape(2, 3, 3, 3, 3)
    )


def test_single_table_gives_plain_numbers(one: Decomposition) -> None:
    for name in ("redundancy", "unique_x", "synergy", "mi_xy", "lower", "gap"):
        assert type(getattr(one, name)) is float
    assert type(one.iterations) is int
    assert one.status is Status.CONVERGED
    assert one.method == "exact"
    assert one.shape == ()
    assert one.converged is True


def test_frozen(one: Decomposition) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.synergy = 0.0  # type: ignore[misc]


def test_every_status_says_what_it_means() -> None:
    messages = {status.message for status in Status}
    assert len(messages) == len(Status)
    assert "max_iter" in Status.MAX_ITERATIONS.message
    assert "auto" in Status.BRACKET.message


def test_message_of_a_batch_counts(many: Decomposition) -> None:
    assert many.message == f"6 of 6: {Status.CONVERGED.message}"


def test_to_dict_is_json(one: Decomposition, many: Decomposition) -> None:
    assert json.loads(json.dumps(one.to_dict()))["status"] == "converged"
    nested = json.loads(json.dumps(many.to_dict()))
    assert np.shape(nested["synergy"]) == (2, 3)
    assert nested["status"] == [["converged"] * 3] * 2


def test_to_frame(one: Decomposition, many: Decomposition) -> None:
    pytest.importorskip("pandas")
    assert one.to_frame().shape[0] == 1
    frame = many.to_frame()
    assert frame.loc[(1, 2), "synergy"] == many.synergy[1, 2]
    assert set(frame["status"]) == {"converged"}


def test_repr_of_one_table(one: Decomposition) -> None:
    text = repr(one)
    for word in ("bits", "redundancy", "0.311278", "38.4%", "gap", "converged (exact)"):
        assert word in text


def test_repr_of_a_batch(many: Decomposition) -> None:
    text = repr(many)
    for word in ("(2, 3)", "median", "largest gap", "6 of 6 converged"):
        assert word in text


def test_repr_says_what_to_do_when_it_did_not_converge() -> None:
    d = fastpid.decompose(table("dense", (3, 3, 3), 0), method="proxy")
    assert d.status is Status.BRACKET
    assert 'use method="auto"' in repr(d)


def test_repr_of_a_target_that_is_constant() -> None:
    assert "converged" in repr(fastpid.decompose(np.full((2, 2, 1), 0.25)))


def test_unit_is_reported_and_converted() -> None:
    d = fastpid.decompose(fastpid.gates.xor(), unit="nats")
    assert d.unit == "nats"
    assert d.synergy == pytest.approx(np.log(2.0), abs=1e-15)
    assert "nats" in repr(d)


def test_potentials_are_the_gradient_of_the_union_information() -> None:
    """Central differences of -H(Z | X, Y) at the optimum, along the simplex (Danskin)."""
    rng = np.random.default_rng(0)
    p = table("dense", (4, 3, 3), 5)
    d = fastpid.decompose(p, tol=1e-12, unit="nats", method="newton")
    lam, mu = d.potentials
    direction = rng.normal(size=p.shape)
    direction -= direction.mean()
    direction *= 1e-6 / np.abs(direction).max()

    def objective(q: np.ndarray) -> float:
        e = fastpid.decompose(q, tol=1e-13, unit="nats", method="newton", on_failure="ignore")
        q_z = q.sum(axis=(0, 1))
        return e.union_information + float(np.sum(q_z * np.log(q_z)))

    difference = (objective(p + direction) - objective(p - direction)) / 2
    slope = float(np.sum((lam[:, None, :] + mu[None, :, :]) * direction))
    assert difference == pytest.approx(slope, rel=1e-5)


def test_without_a_solution_behind_it() -> None:
    bare = Decomposition.from_union(
        mi_x=0.0,
        mi_y=0.0,
        mi_xy=0.0,
        union_information=0.0,
        lower=0.0,
        upper=0.0,
        iterations=0,
        status=Status.CONVERGED,
        method="none",
        unit="bits",
    )
    with pytest.raises(ValueError, match="without the solution"):
        bare.coupling()
