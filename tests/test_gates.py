"""Canonical distributions: their known values, and the random families."""

from __future__ import annotations

import numpy as np
import pytest

import fastpid
from fastpid import gates
from fastpid.information import mutual_information
from fastpid.result import ATOMS


@pytest.mark.parametrize("name", gates.GATES)
@pytest.mark.parametrize("method", ["auto", "newton"])
def test_gates_have_their_known_atoms(name: str, method: str) -> None:
    gate = gates.GATES[name]
    d = fastpid.decompose(gate.table(), method=method, on_failure="raise")
    assert d.gap <= 1e-9
    for atom in ATOMS:
        assert getattr(d, atom) == pytest.approx(getattr(gate, atom), abs=1e-9)


@pytest.mark.parametrize("name", gates.GATES)
def test_known_atoms_add_up_to_the_mutual_information(name: str) -> None:
    gate = gates.GATES[name]
    p = gate.table()
    assert p.sum() == pytest.approx(1.0)
    total = sum(getattr(gate, atom) for atom in ATOMS)
    assert total == pytest.approx(mutual_information(p.reshape(-1, p.shape[2])))
    assert gate.redundancy + gate.unique_x == pytest.approx(mutual_information(p.sum(axis=1)))
    assert gate.redundancy + gate.unique_y == pytest.approx(mutual_information(p.sum(axis=0)))


@pytest.mark.parametrize("sources", [(2, 3), (10, 10), (20, 20)])
def test_copy_of_any_size_has_its_closed_form(sources: tuple[int, int]) -> None:
    p_xy = gates.random_dense((*sources, 1), rng=0)[:, :, 0]
    d = fastpid.decompose(gates.copy(p_xy=p_xy))
    shared = mutual_information(p_xy)
    assert d.method == "exact"
    assert d.gap <= 1e-12
    assert d.redundancy == pytest.approx(shared, abs=1e-12)
    assert d.synergy == pytest.approx(0.0, abs=1e-12)


RANDOM = {
    "dense": lambda seed: gates.random_dense((3, 4, 5), seed),
    "spiky": lambda seed: gates.random_spiky((3, 4, 5), 0.1, seed),
    "empirical": lambda seed: gates.random_empirical((3, 4, 5), 100, seed),
    "function": lambda seed: gates.random_function((3, 4, 5), 0.1, seed),
    "soft": lambda seed: gates.random_soft((3, 4, 5), 50, rng=seed),
    "noisy": lambda seed: gates.noisy(gates.unq(), 1e-12, seed),
}


@pytest.mark.parametrize("family", RANDOM)
def test_random_tables_are_distributions_and_follow_their_seed(family: str) -> None:
    build = RANDOM[family]
    p = build(0)
    assert p.ndim == 3
    assert p.min() >= 0.0
    assert p.sum() == pytest.approx(1.0, abs=1e-12)
    np.testing.assert_array_equal(p, build(0))
    np.testing.assert_array_equal(p, build(np.random.default_rng(0)))
    assert not np.array_equal(p, build(1))


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: gates.random_dense((2, 2)), "shape"),  # type: ignore[arg-type]
        (lambda: gates.random_dense((2, 0, 2)), "shape"),
        (lambda: gates.random_spiky((2, 2, 2), 0.0), "alpha"),
        (lambda: gates.random_empirical((2, 2, 2), 0), "n_samples"),
        (lambda: gates.random_function((2, 2, 2), 1.5), "noise"),
        (lambda: gates.random_soft((2, 2, 2), 0), "n_samples"),
        (lambda: gates.noisy(gates.xor(), -1.0), "noise"),
        (lambda: gates.copy(0, 2), "nx"),
        (lambda: gates.copy(p_xy=[0.5, 0.5]), "p_xy"),
        (lambda: gates.imperfect_rdn(0.7), "flip"),
    ],
)
def test_bad_arguments_are_named(call: object, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        call()  # type: ignore[operator]
