"""The Decomposition: its views, its text, its conversions."""

from __future__ import annotations

import dataclasses
import importlib.util
import json

import numpy as np
import pytest
from families import table

import fastpid
from fastpid import Decomposition, Status


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
    bare = dataclasses.replace(fastpid.decompose(fastpid.gates.xor()), _solution=None)
    with pytest.raises(ValueError, match="without the solution"):
        bare.coupling()


# Batches --------------------------------------------------------------------------------------

BATCH = np.random.default_rng(0).dirichlet(np.ones(27), (4, 2)).reshape(4, 2, 3, 3, 3)


def kinds_of_batches():
    yield fastpid.decompose(BATCH)
    if importlib.util.find_spec("torch"):
        import torch

        yield fastpid.decompose(torch.from_numpy(BATCH))


@pytest.mark.parametrize("d", [*kinds_of_batches()], ids=lambda d: type(d.synergy).__name__)
def test_a_batch_is_indexed_like_its_arrays(d) -> None:
    assert len(d) == 4
    assert bool(d)
    whole = fastpid.decompose(BATCH)
    keys = (0, -1, (1, 1), slice(1, 3), (slice(None), 1), ..., [0, 3], np.array([True, False] * 2))
    for key in keys:
        part = d[key].numpy()
        assert part == fastpid.decompose(BATCH[key])
        np.testing.assert_array_equal(part.synergy, whole.synergy[key])
        # The solution goes along.
        np.testing.assert_allclose(
            np.asarray(d[key].coupling()), whole.coupling()[key], rtol=0, atol=1e-12
        )
        np.testing.assert_array_equal(np.asarray(d[key].potentials[0]), d.potentials[0][key])
    assert [part.shape for part in d] == [(2,)] * 4
    assert [one.numpy() for part in d for one in part] == [
        fastpid.decompose(p) for rows in BATCH for p in rows
    ]
    with pytest.raises(IndexError):
        d[4]
    with pytest.raises(IndexError):
        d[0, 0, 0]


def test_one_table_is_no_sequence() -> None:
    d = fastpid.decompose(fastpid.gates.xor())
    assert bool(d)
    for act in (len, iter, lambda d: d[0]):
        with pytest.raises(TypeError, match="the Decomposition of one table"):
            act(d)
    first = fastpid.decompose(BATCH)[0, 0]
    assert type(first.synergy) is float
    assert type(first.iterations) is int
    assert type(first.status) is Status


def test_a_result_cannot_be_changed() -> None:
    d = fastpid.decompose(fastpid.gates.xor())
    for name in ("synergy", "status", "unit", "converged"):
        with pytest.raises(AttributeError):
            setattr(d, name, 0)


# Words ----------------------------------------------------------------------------------------


def test_statuses_and_methods_are_words() -> None:
    d = fastpid.decompose(fastpid.gates.xor())
    assert d.status == "converged" == Status.CONVERGED
    assert str(d.status) == f"{d.status}" == "converged"
    assert Status("stalled") is Status.STALLED
    assert d.method == "exact"
    tables = np.stack([BATCH[0, 0], np.full((3, 3, 3), np.nan)])
    batch = fastpid.decompose(tables, on_failure="ignore")
    assert batch.status.tolist() == ["converged", "invalid"]
    assert (batch.status == Status.INVALID).tolist() == [False, True]
    assert set(batch.method.tolist()) <= {"newton", "exact", "auto"}


def test_words_of_tensors() -> None:
    torch = pytest.importorskip("torch")
    tables = torch.from_numpy(np.stack([BATCH[0, 0], np.full((3, 3, 3), np.nan)]))
    d = fastpid.decompose(tables, on_failure="ignore")
    assert (d.status == "converged").tolist() == [True, False]
    assert (d.status != Status.CONVERGED).tolist() == [False, True]
    assert (d.status == d.status).all()
    assert (d.method == "newton").tolist()[0]
    assert not (d.method == "no method").any()
    assert d.method.tolist() == d.method.numpy().tolist() == d.numpy().method.tolist()
    assert d.status[1].tolist() == "invalid"
    assert len(d.status) == 2
    assert d.status.shape == (2,)
    assert repr(d.status) == "Words(['converged', 'invalid'])"
    assert (d.status == 0) is False
    assert d.converged.dtype == torch.bool
    one = fastpid.decompose(tables[0])
    assert one.status == "converged"
    assert one.method == "newton"


# Notebooks, frames ----------------------------------------------------------------------------


def test_html_says_what_the_repr_says() -> None:
    d = fastpid.decompose(fastpid.gates.and_())
    page = d._repr_html_()
    for words in ("redundancy", "0.311278", "38.4%", "<th>bits</th>", "converged (exact)"):
        assert words in page
    assert "<pre>Decomposition of a batch" in fastpid.decompose(BATCH)._repr_html_()
    rest = fastpid.decompose(BATCH[0, 0], method="newton", max_iter=1, on_failure="ignore")
    assert "raise max_iter" in rest._repr_html_()


def test_frames_name_their_axes_and_unit() -> None:
    pytest.importorskip("pandas")
    frame = fastpid.decompose(BATCH, unit="nats").to_frame()
    assert frame.index.names == ["batch_0", "batch_1"]
    assert (frame["unit"] == "nats").all()
    assert set(frame["status"]) == {"converged"}
    assert fastpid.decompose(BATCH[0]).to_frame().index.name == "batch_0"
    assert len(fastpid.decompose(BATCH[0, 0]).to_frame()) == 1


def test_atoms_are_never_below_zero_by_rounding() -> None:
    for unit in ("bits", "nats"):
        d = fastpid.decompose(fastpid.gates.random_dense((3, 3, 3), rng=1), unit=unit)
        gates = [gate.table() for gate in fastpid.gates.GATES.values()]
        pure = fastpid.decompose(np.stack([p for p in gates if p.shape == (2, 2, 2)]), unit=unit)
        for result in (d, pure):
            for atom in ("redundancy", "unique_x", "unique_y", "synergy", "gap"):
                assert np.min(getattr(result, atom)) >= 0.0
