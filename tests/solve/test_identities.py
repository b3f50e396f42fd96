"""Identities and symmetries that hold for every table."""

from __future__ import annotations

import numpy as np
import pytest
from families import FAMILIES, SHAPES, table
from hypothesis import given, settings
from hypothesis import strategies as st

import fastpid
from fastpid.information import mutual_information
from fastpid.result import ATOMS

tables = st.builds(
    table,
    st.sampled_from(sorted(FAMILIES)),
    st.sampled_from(SHAPES),
    st.integers(0, 2**32 - 1),
)


def assert_same(left: fastpid.Decomposition, right: fastpid.Decomposition) -> None:
    """Two answers to one question: their brackets overlap."""
    assert abs(left.union_information - right.union_information) <= 1e-9 + 1e-13
    for name in ("mi_x", "mi_y", "mi_xy"):
        assert getattr(left, name) == pytest.approx(getattr(right, name), abs=1e-13)


@given(p=tables)
@settings(max_examples=150, deadline=None)
def test_atoms_are_non_negative_and_add_up(p: np.ndarray) -> None:
    d = fastpid.decompose(p)
    nx, ny, nz = p.shape
    assert min(getattr(d, name) for name in ATOMS) >= 0.0
    assert d.redundancy + d.unique_x == pytest.approx(d.mi_x, abs=1e-14)
    assert d.redundancy + d.unique_y == pytest.approx(d.mi_y, abs=1e-14)
    assert sum(getattr(d, name) for name in ATOMS) == pytest.approx(d.mi_xy, abs=1e-14)
    assert d.mi_x == pytest.approx(mutual_information(p.sum(axis=1)), abs=1e-13)
    assert d.mi_y == pytest.approx(mutual_information(p.sum(axis=0)), abs=1e-13)
    assert d.mi_xy == pytest.approx(mutual_information(p.reshape(nx * ny, nz)), abs=1e-13)


@given(p=tables)
@settings(max_examples=60, deadline=None)
def test_swapping_the_sources_swaps_their_atoms(p: np.ndarray) -> None:
    d, e = fastpid.decompose(p), fastpid.decompose(p.transpose(1, 0, 2))
    assert e.union_information == pytest.approx(d.union_information, abs=1e-9)
    assert (e.mi_x, e.mi_y) == pytest.approx((d.mi_y, d.mi_x), abs=1e-13)
    assert e.unique_x == pytest.approx(d.unique_y, abs=1e-9)


@given(p=tables, seed=st.integers(0, 1000))
@settings(max_examples=60, deadline=None)
def test_relabelling_changes_nothing(p: np.ndarray, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y, z = (rng.permutation(n) for n in p.shape)
    assert_same(fastpid.decompose(p), fastpid.decompose(p[x][:, y][:, :, z]))


@given(p=tables)
@settings(max_examples=60, deadline=None)
def test_zero_symbols_change_nothing(p: np.ndarray) -> None:
    padded = np.pad(p, ((1, 2), (0, 1), (2, 0)))
    d, e = fastpid.decompose(p), fastpid.decompose(padded)
    assert_same(d, e)
    assert e.coupling().shape == padded.shape
    assert e.coupling()[0].sum() == 0.0


@given(p=tables, share=st.floats(0.05, 0.95))
@settings(max_examples=60, deadline=None)
def test_splitting_a_symbol_changes_nothing(p: np.ndarray, share: float) -> None:
    split = np.concatenate([p, (1.0 - share) * p[:1]])
    split[0] *= share
    d, e = fastpid.decompose(p), fastpid.decompose(split)
    assert_same(d, e)


def test_a_light_twin_is_merged_whose_cells_are_negligible() -> None:
    """Side by side with its twin, all but a few cells of it gone, it made the solve stall."""
    p = table("function 1e-12", (5, 4, 8), 140)
    for axis in (0, 1):
        for symbol in range(p.shape[axis]):
            part = np.take(p, [symbol], axis)
            split = np.concatenate([np.delete(p, symbol, axis), 0.25 * part, 0.75 * part], axis)
            assert fastpid.decompose(split).gap <= 1e-9


def test_merging_leaves_symbols_of_different_posteriors_alone() -> None:
    """Where Y says nothing lam is log p(z | x); merged symbols would share one row of it."""
    p_xz = table("dense", (3, 1, 3), 0)[:, 0, :]
    p_xz[1] = p_xz[0] * (1.0 + 1e-3 * np.arange(3))
    p_xz /= p_xz.sum()
    p = p_xz[:, None, :] * np.array([0.4, 0.6])[None, :, None]
    lam, _ = fastpid.decompose(p, method="newton", tol=1e-12).potentials
    posterior = np.log(p_xz / p_xz.sum(axis=1, keepdims=True))
    wanted = posterior[1] - posterior[0]
    assert np.abs(wanted).max() > 5e-4
    np.testing.assert_allclose(lam[1] - lam[0], wanted, atol=1e-5)


def test_a_source_that_knows_nothing_leaves_everything_to_the_other() -> None:
    p_xz = np.random.default_rng(0).dirichlet(np.ones(12)).reshape(3, 4)
    p = p_xz[:, None, :] * np.array([0.2, 0.3, 0.5])[None, :, None]
    d = fastpid.decompose(p)
    assert d.unique_x == pytest.approx(d.mi_x, abs=1e-12)
    assert max(d.redundancy, d.unique_y, d.synergy) <= 1e-12


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 1, 4), (3, 2, 1), (1, 3, 2), (3, 1, 4)])
def test_single_symbols(shape: tuple[int, int, int]) -> None:
    p = table("dense", shape, 3)
    d = fastpid.decompose(p)
    assert d.converged
    assert d.gap <= 1e-13
    assert d.synergy == pytest.approx(0.0, abs=1e-13)
    np.testing.assert_allclose(d.coupling().sum(axis=0), p.sum(axis=0), atol=1e-14)


def test_float32_integer_and_list_input() -> None:
    p = np.array([[[4, 1], [2, 3]], [[1, 5], [2, 2]]])
    counts = fastpid.decompose(p, normalize=True)
    listed = fastpid.decompose((p / 20).tolist())
    single = fastpid.decompose((p / 20).astype(np.float32))
    assert counts.union_information == pytest.approx(listed.union_information, abs=1e-12)
    assert single.union_information == pytest.approx(listed.union_information, abs=1e-6)


def test_strided_input_is_read_correctly() -> None:
    p = table("dense", (4, 5, 3), 0)
    strided = np.asfortranarray(np.repeat(p, 2, axis=1))[:, ::2]
    assert fastpid.decompose(strided).to_dict() == fastpid.decompose(p).to_dict()


def test_input_is_left_alone_and_may_change_afterwards() -> None:
    p = table("dense", (3, 3, 3), 0)
    before = p.copy()
    d = fastpid.decompose(p)
    q = d.coupling()
    np.testing.assert_array_equal(p, before)
    p[:] = 0.0
    np.testing.assert_array_equal(d.coupling(), q)


def test_units() -> None:
    p = table("dense", (3, 3, 3), 0)
    bits, nats = fastpid.decompose(p, tol=1e-12), fastpid.decompose(p, unit="nats", tol=1e-12)
    for name in (*ATOMS, "mi_x", "mi_y", "mi_xy", "union_information"):
        assert getattr(nats, name) == pytest.approx(getattr(bits, name) * np.log(2.0), abs=1e-11)
